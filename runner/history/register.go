package history

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"warehouse/runner/engine"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// Migrations bring state tables up to date: the first those of version 1 to
// version 2, and so on. Each is a part of Open's transaction: all of them are
// done, or none.
type Migrations []func(ctx context.Context, c *engine.Conn, r *Register) error

// own are this program's. There has been no need for one yet: the tables are
// what the first release made, and what JSON columns hold has only grown.
var own Migrations

// Version is that of the tables which a program with these migrations writes.
func (m Migrations) Version() int { return len(m) + 1 }

// Register is the state tables of one target. It holds no connection: every
// method runs on the session it is given, so that it can be part of the
// caller's Atomic. It is safe for concurrent use as long as the sessions
// differ.
type Register struct {
	// Now is the clock of the ledger; nil is time.Now.
	Now func() time.Time

	catalog string
	schema  string
	types   engine.Types
}

func newRegister(c *engine.Conn, schema string) *Register {
	d := c.DB().Dialect()
	return &Register{catalog: d.Catalog(), schema: schema, types: d.Types()}
}

// Open returns the register of a storage schema, and makes the schema, the
// state tables and the macro resolve_run_id if they are missing, all in one
// step. Tables of an older version are brought up to date; those of a newer
// one are a *VersionError.
func Open(ctx context.Context, c *engine.Conn, schema string) (*Register, error) {
	return own.Open(ctx, c, schema)
}

// Open is the function Open of a program with these migrations.
func (m Migrations) Open(ctx context.Context, c *engine.Conn, schema string) (*Register, error) {
	r, err := m.Read(ctx, c, schema)
	if err == nil {
		return r, nil
	}
	var old *oldVersionError
	r = newRegister(c, schema)
	switch {
	case errors.Is(err, ErrNoRegister):
		err = c.Atomic(ctx, func() error { return r.createTables(ctx, c) })
	case errors.As(err, &old):
		err = c.Atomic(ctx, func() error { return m.migrate(ctx, c, r, old.found) })
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// OpenThere is Open of a register that is there: ErrNoRegister if there is none.
func OpenThere(ctx context.Context, c *engine.Conn, schema string) (*Register, error) {
	r, err := Read(ctx, c, schema)
	if IsOld(err) {
		return Open(ctx, c, schema)
	}
	return r, err
}

// IsOld says whether an error is that of tables of an older version, which Open
// brings up to date.
func IsOld(err error) bool {
	var old *oldVersionError
	return errors.As(err, &old)
}

// CopyFrom fills empty state tables with the rows of those of another database
// of the engine, which are in a schema of the same name.
func (r *Register) CopyFrom(ctx context.Context, c *engine.Conn, catalog string) error {
	for name, columns := range map[string][]string{
		manifest.name: manifest.columns(), manifestModel.name: manifestModel.columns(), manifestTest.name: manifestTest.columns(),
		publication.name: publication.columns(), publicationMart.name: publicationMart.columns(), tag.name: tag.columns(),
		ledger.name: ledger.columns(), bindingTable.name: bindingTable.columns(),
	} {
		list := engine.Idents(columns)
		from := engine.Relation{Database: catalog, Schema: r.schema, Name: name}
		if _, err := c.Exec(ctx, fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s", r.rel(name), list, list, from)); err != nil {
			return err
		}
	}
	return nil
}

// Read returns the register of a storage schema and creates nothing:
// ErrNoRegister if there is none. Tables of an older version, which only Open
// may bring up to date, are an error too.
func Read(ctx context.Context, c *engine.Conn, schema string) (*Register, error) {
	return own.Read(ctx, c, schema)
}

// Read is the function Read of a program with these migrations.
func (m Migrations) Read(ctx context.Context, c *engine.Conn, schema string) (*Register, error) {
	r := newRegister(c, schema)
	var found int64
	q := "SELECT coalesce(max(version), 0) FROM " + r.rel(stateTable.name)
	if err := c.QueryRow(ctx, q, nil, &found); err != nil {
		// Only now it is asked whether there is one: that costs many times as much.
		if there, herr := r.has(ctx, c, stateTable.name); herr == nil && !there {
			return nil, ErrNoRegister
		}
		return nil, err
	}
	switch known := m.Version(); {
	case int(found) > known:
		return nil, &VersionError{Found: int(found), Known: known}
	case int(found) < known:
		return nil, &oldVersionError{found: int(found), known: known}
	}
	return r, nil
}

// oldVersionError: the tables have to be brought up to date first.
type oldVersionError struct{ found, known int }

func (e *oldVersionError) Error() string {
	return fmt.Sprintf("the state tables are of version %d, this program needs version %d: a command that only reads does not change them", e.found, e.known)
}
func (e *oldVersionError) Hint() string {
	return "`warehouse compact` brings them up to date, and so does the next `warehouse build`; earlier programs cannot read them then"
}

func (r *Register) createTables(ctx context.Context, c *engine.Conn) error {
	d := c.DB().Dialect()
	if a := appender(c); a != nil {
		return r.createLogs(ctx, c, a)
	}
	statements := []string{
		"CREATE SCHEMA IF NOT EXISTS " + r.relation("").String(),
		manifest.create(d, r.relation(manifest.name)),
		manifestModel.create(d, r.relation(manifestModel.name)),
		manifestTest.create(d, r.relation(manifestTest.name)),
		publication.create(d, r.relation(publication.name)),
		publicationMart.create(d, r.relation(publicationMart.name)),
		tag.create(d, r.relation(tag.name)),
		ledger.create(d, r.relation(ledger.name)),
		bindingTable.create(d, r.relation(bindingTable.name)),
		stateTable.create(d, r.relation(stateTable.name)),
		r.file("resolve_run_id"),
	}
	return r.makeTables(ctx, c, statements)
}

func (r *Register) makeTables(ctx context.Context, c *engine.Conn, statements []string) error {
	for _, s := range statements {
		if _, err := c.Exec(ctx, s); err != nil {
			return fmt.Errorf("making the state tables: %w", err)
		}
	}
	return r.setVersion(ctx, c, own.Version())
}

// createLogs is createTables where state is only added to. run_state comes
// last: without it there is no register, and the next client makes it whole.
func (r *Register) createLogs(ctx context.Context, c *engine.Conn, a engine.Appender) error {
	d := c.DB().Dialect()
	log := r.relation(publication.name)
	def := engine.Table{Relation: log}
	for _, f := range publication.fields {
		def.Columns = append(def.Columns, engine.Column{Name: f.name, Type: f.kind.typeOf(d.Types())})
	}
	def.Columns = append(def.Columns, engine.Column{Name: martsColumn, Type: a.SnapshotType()})
	return r.makeTables(ctx, c, slices.Concat(
		[]string{"CREATE SCHEMA IF NOT EXISTS " + r.relation("").String()},
		manifest.createLog(d, r.relation(manifest.name)),
		manifestModel.createLog(d, r.relation(manifestModel.name)),
		manifestTest.createLog(d, r.relation(manifestTest.name)),
		[]string{d.CreateTable(def), "CREATE OR REPLACE VIEW " + r.rel(publicationMart.name) + " AS\n" + a.UnnestSnapshots(log)},
		tag.createLog(d, r.relation(tag.name)),
		ledger.createLog(d, r.relation(ledger.name)),
		bindingTable.createLog(d, r.relation(bindingTable.name)),
		stateTable.createLog(d, r.relation(stateTable.name)),
	))
}

func (m Migrations) migrate(ctx context.Context, c *engine.Conn, r *Register, from int) error {
	for v := max(from, 1); v < m.Version(); v++ {
		if err := m[v-1](ctx, c, r); err != nil {
			return fmt.Errorf("bringing the state tables from version %d to %d: %w", v, v+1, err)
		}
	}
	return r.setVersion(ctx, c, m.Version())
}

func (r *Register) setVersion(ctx context.Context, c *engine.Conn, version int) error {
	return stateTable.insert(ctx, c, r.relation(stateTable.name), []state{{Version: int64(version), At: r.now()}})
}

// Schema returns the storage schema.
func (r *Register) Schema() string { return r.schema }

func (r *Register) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

func (r *Register) relation(name string) engine.Relation {
	return engine.Relation{Database: r.catalog, Schema: r.schema, Name: name}
}

func (r *Register) rel(name string) string { return r.relation(name).String() }

// id is a parameter of the run id type.
func (r *Register) id() string { return "CAST(? AS " + r.types.RunID + ")" }

// file returns a statement of sql/ with its names filled in. {storage} has no
// catalog: it is for what is stored in the database under any name.
func (r *Register) file(name string, more ...string) string {
	b, err := sqlFiles.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err) // the files are compiled in
	}
	pairs := append([]string{"{catalog}", engine.Ident(r.catalog), "{storage}", engine.Ident(r.schema), "{run_id_type}", r.types.RunID}, more...)
	for _, t := range []string{manifest.name, manifestModel.name, manifestTest.name, publication.name,
		publicationMart.name, tag.name, ledger.name, bindingTable.name} {
		pairs = append(pairs, "{"+t+"}", r.rel(t))
	}
	return strings.NewReplacer(pairs...).Replace(string(b))
}
