// Package trino opens Iceberg catalogs of a Trino server for the runner. It is
// the only package that imports Trino's client; it needs no cgo.
//
// What is where:
//
//   - trino.go opens: a pool of sessions on one catalog and schema, with the
//     properties that writers and readers need;
//   - dialect.go writes SQL and touches nothing;
//   - describe.go binds a SELECT without running it;
//   - errors.go gives errors their kind and place.
//
// Trino has no transactions over several statements: each statement is one
// snapshot of one table. So this engine is no engine.Transactor, and a run is
// written by a fenced insert (see InsertRun).
package trino

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os/user"
	"strings"
	"time"

	"github.com/trinodb/trino-go-client/trino"

	"warehouse/runner/engine"
)

// defaultSchema is the schema of a target that names none.
const defaultSchema = "main"

// retryTimeout is how long a single request is tried again while the server
// does not answer, unless the DSN says otherwise.
const retryTimeout = 20 * time.Second

// Engine returns Trino.
func Engine() engine.Engine {
	return engine.Engine{Name: "trino", Open: open, LockPath: func(engine.Target) string { return "" }, Dialect: backend{}}
}

// writers let all workers write: by default all rows of one partition, which
// is one run, go to one worker.
var writers = map[string]string{
	"use_preferred_write_partitioning": "false",
	"scale_writers":                    "false",
	"redistribute_writes":              "false",
}

// config is the client's configuration of a target.
func config(t engine.Target) (*trino.Config, error) {
	fail := func(msg, advice string) (*trino.Config, error) {
		return nil, &engine.OpenError{Path: where(t), Msg: msg, Advice: advice}
	}
	if t.DSN == "" {
		return fail("it has no dsn", "add dsn: https://user@host:port")
	}
	u, err := url.Parse(t.DSN)
	if err != nil || u.Host == "" {
		return fail("its dsn is no URL", "write it as https://user@host:port; in a password, characters such as @ / : are written as %40 %2F %3A")
	} else if strings.Contains(u.RawQuery, ";") {
		// Go drops a parameter that holds one, without a word.
		return fail("its dsn has a plain ; after the ?", "write it as %3B")
	}
	if u.User == nil {
		u.User = systemUser()
	}
	c, err := trino.ParseDSN(u.String())
	if err != nil {
		return fail(mask(err.Error(), t.DSN), "write the dsn as https://user@host:port")
	}
	if t.Catalog != "" {
		c.Catalog = t.Catalog
	}
	if t.Schema != "" {
		c.Schema = t.Schema
	}
	if c.Schema == "" {
		c.Schema = defaultSchema
	}
	if c.Catalog == "" {
		return fail("it names no catalog", "add catalog: NAME, an Iceberg catalog of the server (SHOW CATALOGS lists them)")
	}
	c.Source = cmp.Or(t.Source, c.Source, "warehouse")
	if c.TimeZone == "" {
		c.TimeZone = "UTC"
	}
	if c.RequestRetryTimeout == nil {
		d := retryTimeout
		c.RequestRetryTimeout = &d
	}
	c.SessionProperties = properties(t, c)
	return c, nil
}

// systemUser is who asks where the DSN names nobody, as with Trino's own client:
// the server answers no request without a user.
func systemUser() *url.Userinfo {
	if u, err := user.Current(); err == nil {
		return url.User(u.Username)
	}
	return url.User("warehouse")
}

// properties are the session's: ours, then the DSN's, then the target's
// settings.
func properties(t engine.Target, c *trino.Config) map[string]string {
	out := map[string]string{}
	if t.ReadOnly {
		out[c.Catalog+".query_partition_filter_required"] = "true"
	} else {
		maps.Copy(out, writers)
	}
	maps.Copy(out, c.SessionProperties)
	maps.Copy(out, t.Settings)
	return out
}

func open(ctx context.Context, t engine.Target) (*engine.DB, error) {
	c, err := config(t)
	if err != nil {
		return nil, err
	}
	connector, err := trino.NewConnector(c)
	if err != nil {
		return nil, &engine.OpenError{Path: where(t), Msg: mask(err.Error(), t.DSN), Err: hidden{err}}
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxIdleConns(max(8, t.Threads+1))
	b := backend{catalog: c.Catalog, schema: c.Schema}
	if b.version, err = prepare(ctx, pool, t, c); err != nil {
		_ = pool.Close()
		return nil, err
	}
	return engine.New(pool, b, t, nil), nil
}

// prepare asks the server for its version and sees to the schema.
func prepare(ctx context.Context, pool *sql.DB, t engine.Target, c *trino.Config) (version string, err error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return "", openError(ctx, t, err)
	}
	defer conn.Close()
	err = conn.Raw(func(raw any) error {
		info, err := raw.(*trino.Conn).ServerInfo(ctx)
		version = info.NodeVersion
		return err
	})
	if err != nil {
		return "", openError(ctx, t, err)
	}
	schema := engine.Relation{Database: c.Catalog, Schema: c.Schema}
	if !t.ReadOnly {
		if _, err := conn.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+schema.String()); err != nil {
			return "", openError(ctx, t, err)
		}
		return version, nil
	}
	var there bool
	q := fmt.Sprintf("SELECT count(*) > 0 FROM %s WHERE schema_name = lower(%s)",
		engine.Relation{Database: c.Catalog, Schema: "information_schema", Name: "schemata"}, engine.Literal(c.Schema))
	if err := conn.QueryRowContext(ctx, q).Scan(&there); err != nil {
		return "", openError(ctx, t, err)
	}
	if !there {
		return "", fmt.Errorf("schema %s of %s: %w", c.Schema, where(t), engine.ErrNotExist)
	}
	return version, nil
}

// where names a target in messages, without user and password.
func where(t engine.Target) string {
	u, err := url.Parse(t.DSN)
	if err != nil || u.Host == "" {
		return "target " + t.Name
	}
	return u.Scheme + "://" + u.Host
}

// mask takes the DSN, its password and its tokens out of a text.
func mask(text, dsn string) string {
	text = strings.ReplaceAll(text, dsn, "the dsn")
	u, err := url.Parse(dsn)
	if err != nil {
		return text
	}
	secrets := []string{u.Query().Get("accessToken")}
	if p, ok := u.User.Password(); ok {
		secrets = append(secrets, p, url.QueryEscape(p), url.PathEscape(p))
	}
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "xxxxx")
		}
	}
	return text
}

// hidden is a cause that can be found but is never printed.
type hidden struct{ err error }

func (hidden) Error() string          { return "the client's own error" }
func (h hidden) Is(target error) bool { return errors.Is(h.err, target) }

func openError(ctx context.Context, t engine.Target, err error) error {
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	e := &engine.OpenError{Path: where(t), Msg: mask(plain(err), t.DSN), Err: hidden{err}}
	var failed *trino.ErrQueryFailed
	var te *trino.ErrTrino
	switch {
	case errors.As(err, &te):
		if te.ErrorName == "CATALOG_NOT_FOUND" {
			e.Advice = "SHOW CATALOGS at the server lists its catalogs; the target's catalog must be an Iceberg catalog"
		}
	case errors.As(err, &failed) && (failed.StatusCode == 401 || failed.StatusCode == 403):
		e.Msg, e.Advice = "the server refuses the user or the password", "look at the user and password of the dsn; a password needs https"
	default:
		e.Advice = "is the server running, and is the dsn right? A server that just started takes half a minute"
	}
	return e
}
