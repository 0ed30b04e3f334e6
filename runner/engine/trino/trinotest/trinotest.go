// Package trinotest gives tests a place on a real Trino server: a schema of
// their own, which is dropped at the end.
//
// The server comes from outside, one for all test binaries, as
// WAREHOUSE_TRINO_URL: scripts/trino/server.sh with COMMAND starts
// one for it. Without
// it tests skip and say so; with WAREHOUSE_TRINO_REQUIRED=1, as in CI, they
// fail.
package trinotest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"warehouse/runner/engine"
	"warehouse/runner/engine/trino"
)

// Catalog is the catalog of the server that scripts/trino starts.
const Catalog = "wh"

// DSN returns the server's address with a user, or skips the test.
func DSN(t testing.TB) string {
	t.Helper()
	text := os.Getenv("WAREHOUSE_TRINO_URL")
	if text == "" {
		skip := t.Skip
		if os.Getenv("WAREHOUSE_TRINO_REQUIRED") != "" {
			skip = t.Fatal
		}
		skip("no Trino server: scripts/trino/server.sh with go test ./... starts one")
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		t.Fatalf("WAREHOUSE_TRINO_URL is no URL: %q", text)
	}
	if u.User == nil {
		u.User = url.User("test")
	}
	return u.String()
}

// Target returns a target in a schema that is not there yet, with the parts
// of prefix in its name. At the end all schemas whose names begin so are
// dropped.
func Target(t testing.TB, prefix string) engine.Target {
	t.Helper()
	dsn := DSN(t)
	var id [5]byte
	_, _ = rand.Read(id[:])
	target := engine.Target{Name: "lake", Type: "trino", DSN: dsn, Catalog: Catalog, Schema: prefix + "t_" + hex.EncodeToString(id[:])}
	t.Cleanup(func() { drop(t, target) })
	return target
}

func drop(t testing.TB, target engine.Target) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := trino.Engine().Open(ctx, target)
	if err != nil {
		t.Error("cleaning up:", err)
		return
	}
	defer db.Close()
	err = db.With(ctx, func(c *engine.Conn) error {
		rows, err := c.Query(ctx, "SHOW SCHEMAS")
		if err != nil {
			return err
		}
		var mine []string
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			if strings.HasPrefix(name, strings.ToLower(target.Schema)) {
				mine = append(mine, name)
			}
		}
		if err := rows.Close(); err != nil {
			return err
		}
		for _, name := range mine {
			if _, err := c.Exec(ctx, "DROP SCHEMA "+engine.Ident(name)+" CASCADE"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error("cleaning up:", err)
	}
}
