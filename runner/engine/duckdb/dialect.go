package duckdb

import (
	"fmt"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"warehouse/runner/engine"
)

const mainSchema = "main"

// backend is the dialect, and the few things that need the driver. It has no
// state: all of it is in the session.
type backend struct{}

var (
	_ engine.Backend          = backend{}
	_ engine.Transactor       = backend{}
	_ engine.MemoryBinder     = backend{}
	_ engine.Checkpointer     = backend{}
	_ engine.StatementChecker = backend{}
	_ engine.SearchPather     = backend{}
	_ engine.IntegerCounter   = backend{}
	_ engine.Repeater         = backend{}
	_ engine.NameJoiner       = backend{}
	_ engine.Digester         = backend{}
	_ engine.Marker           = backend{}
)

// Dialect returns DuckDB's dialect without opening a database.
func Dialect() engine.Dialect { return backend{} }

func (backend) Name() string          { return "duckdb" }
func (backend) Catalog() string       { return Catalog }
func (backend) MemoryCatalog() string { return "memory" }
func (backend) DefaultSchema() string { return mainSchema }

// Types are spelled as DESCRIBE and the catalog spell them, so that stored and
// wanted types compare equal.
func (backend) Types() engine.Types {
	return engine.Types{RunID: "UUID", Text: "VARCHAR", JSON: "JSON", Int: "BIGINT", Real: "DOUBLE", Bool: "BOOLEAN", Timestamp: "TIMESTAMP WITH TIME ZONE"}
}

func (backend) Transaction() (begin, commit, rollback string) {
	return "BEGIN TRANSACTION", "COMMIT", "ROLLBACK"
}

func (backend) SearchPath(schemas ...engine.Relation) string { return searchPath(schemas...) }

// searchPath writes the names twice quoted: as identifiers, and their list as
// a text value.
func searchPath(schemas ...engine.Relation) string {
	names := make([]string, len(schemas))
	for i, s := range schemas {
		names[i] = engine.Relation{Database: s.Database, Schema: s.Schema}.String()
	}
	return "SET search_path = " + engine.Literal(strings.Join(names, ","))
}

// Layouts leaves views out.
func (backend) Layouts(schema string) string {
	if schema == "" {
		schema = mainSchema
	}
	return "SELECT c.table_name, c.column_name, c.data_type FROM duckdb_columns() AS c\n" +
		"JOIN duckdb_tables() AS t ON t.table_oid = c.table_oid AND t.database_oid = c.database_oid AND t.schema_oid = c.schema_oid\n" +
		"WHERE c.database_name = " + engine.Literal(Catalog) + " AND lower(c.schema_name) = lower(" + engine.Literal(schema) + ")\n" +
		"ORDER BY c.table_name, c.column_index"
}

func (backend) CreateTable(t engine.Table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s (", t.Relation)
	for i, c := range t.Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", engine.Ident(c.Name), c.Type)
		if t.RunColumn != "" && strings.EqualFold(c.Name, t.RunColumn) {
			b.WriteString(" NOT NULL")
		}
	}
	if len(t.Key) > 0 {
		fmt.Fprintf(&b, ", PRIMARY KEY (%s)", engine.Idents(t.Key))
	}
	b.WriteString(")")
	return b.String()
}

func (backend) AddColumn(table engine.Relation, c engine.Column) string {
	return fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", table, engine.Ident(c.Name), c.Type)
}

func (backend) DropTable(table engine.Relation) string {
	return fmt.Sprintf("DROP TABLE IF EXISTS %s", table)
}

func (d backend) DeleteRun(table engine.Relation, runColumn, runID string) string {
	return fmt.Sprintf("DELETE FROM %s WHERE %s = %s", table, engine.Ident(runColumn), d.RunLiteral(runID))
}

// InsertRun matches columns by name. The SELECT ends with a line break, so
// that a comment at its end does no harm.
func (d backend) InsertRun(in engine.Insert) string {
	into := append([]string{in.RunColumn}, in.Physical...)
	values := []string{d.RunLiteral(in.RunID)}
	for _, c := range in.Columns {
		values = append(values, engine.Ident(c))
	}
	if in.CreatedColumn != "" {
		into = append(into, in.CreatedColumn)
		values = append(values, d.TimeLiteral(in.CreatedAt))
	}
	return fmt.Sprintf("INSERT INTO %s (%s)\nSELECT %s\nFROM (\n%s\n) AS q",
		in.Table, engine.Idents(into), strings.Join(values, ", "), in.Select)
}

// Checksum adds up row hashes in 128 bits, so that the order of rows does not
// matter and equal rows do not cancel each other. Each row's hash starts from
// 1: hash(0) is 0, and a row of zeros must count.
func (backend) Checksum(columns []engine.Column) string {
	row := "1"
	for _, c := range columns {
		row += ", " + engine.Ident(c.Name)
	}
	return "coalesce(sum(hash(" + row + ")), 0)::VARCHAR"
}

// ChecksumScheme has the version of the library: hash() may change with it.
func (backend) ChecksumScheme() string { return "duckdb-sum-hash/" + mapping.LibraryVersion() }

func (d backend) RunLiteral(runID string) string {
	return engine.Literal(runID) + "::" + d.Types().RunID
}

func (backend) TimeLiteral(t time.Time) string {
	return engine.Literal(t.UTC().Format("2006-01-02 15:04:05.000000+00")) + "::TIMESTAMPTZ"
}

// Mark puts a comment on a table.
func (backend) Mark(table engine.Relation, comment string) string {
	return "COMMENT ON TABLE " + table.String() + " IS " + engine.Literal(comment)
}

// Marked selects the tables with a comment.
func (d backend) Marked(comment string) string {
	return "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = " + engine.Literal(d.Catalog()) + " AND comment = " + engine.Literal(comment) + " ORDER BY ALL"
}

func (backend) MD5(text string) string { return "md5(" + text + ")" }

func (backend) Fail(msg string) string { return "error(" + engine.Literal(msg) + ")" }

// Repeats does not tell where texts have a collation: count(DISTINCT) does not
// look at it, GROUP BY does.
func (backend) Repeats(column string) string {
	return "CASE WHEN current_setting('default_collation') = '' THEN count(" + column + ") - count(DISTINCT " + column + ") ELSE 1 END"
}

// DistinctIntegers sets a bit for each value. Of 10 million keys that takes a
// tenth of the time that DISTINCT takes; ranges are kept to a few bits a row,
// as each thread has a bit map of the whole range.
func (backend) DistinctIntegers(column, typ string, low, high, rows int64) (string, bool) {
	switch typ {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER":
	default:
		return "", false
	}
	const most = 1 << 28 // bits: 32 MiB a thread
	width := high - low
	if low > high || width < 0 || width > most || width > 64*rows+1024 {
		return "", false
	}
	// The width must fit the argument's type, so small types are widened.
	return fmt.Sprintf("bit_count(bitstring_agg(%s::BIGINT, (%d)::BIGINT, (%d)::BIGINT))", engine.Ident(column), low, high), true
}

// UnionByName fills columns that one side lacks with NULL.
func (backend) UnionByName() string { return "UNION ALL BY NAME" }

// Materialized keeps a WITH from being computed at each place that reads it.
func (backend) Materialized() string { return "MATERIALIZED " }
