package trino

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	"warehouse/runner/engine"
)

// backend is the dialect, and the few things that need the driver. The zero
// value is the dialect of no server in particular.
type backend struct{ catalog, schema, version string }

var (
	_ engine.Backend          = backend{}
	_ engine.StatementChecker = backend{}
	_ engine.Digester         = backend{}
)

// Dialect returns Trino's dialect without a server.
func Dialect() engine.Dialect { return backend{} }

func (backend) Name() string          { return "trino" }
func (b backend) Catalog() string     { return b.catalog }
func (backend) DefaultSchema() string { return defaultSchema }

// Types are spelled as the server spells them. A run id is text: filters on
// Iceberg's UUID give wrong results (trino#12834). JSON cannot be stored.
func (backend) Types() engine.Types {
	return engine.Types{RunID: "varchar", Text: "varchar", JSON: "varchar", Int: "bigint", Real: "double", Bool: "boolean", Timestamp: "timestamp(6) with time zone"}
}

// Layouts leaves views out. The server keeps names in lower case.
func (b backend) Layouts(schema string) string {
	name := engine.Literal(strings.ToLower(cmp.Or(schema, b.schema, defaultSchema)))
	return "SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns AS c\n" +
		"JOIN information_schema.tables AS t ON t.table_schema = c.table_schema AND t.table_name = c.table_name\n" +
		"WHERE c.table_schema = " + name + " AND t.table_schema = " + name + " AND t.table_type = 'BASE TABLE'\n" +
		"ORDER BY c.table_name, c.ordinal_position"
}

// CreateTable partitions by run, so that deleting a run touches metadata only.
// Commits that meet another's are tried again by the server, 20 times. Keys
// are not enforced: Iceberg has none.
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
	b.WriteString(") WITH (max_commit_retry = 20")
	if t.RunColumn != "" {
		fmt.Fprintf(&b, ", partitioning = ARRAY[%s]", engine.Literal(engine.Ident(strings.ToLower(t.RunColumn))))
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

// DeleteRun is metadata only: the run id is the partition, and nothing else is
// asked.
func (b backend) DeleteRun(table engine.Relation, runColumn, runID string) string {
	return fmt.Sprintf("DELETE FROM %s WHERE %s = %s", table, engine.Ident(runColumn), b.RunLiteral(runID))
}

// InsertRun is a MERGE that matches nothing: it inserts all rows, and, unlike
// an INSERT, its commit fails if another statement wrote rows of this run id
// since it began. So what a dead client left running cannot double the rows
// that its successor writes.
func (b backend) InsertRun(in engine.Insert) string {
	into := append([]string{in.RunColumn}, in.Physical...)
	values := []string{b.RunLiteral(in.RunID)}
	for _, c := range in.Columns {
		values = append(values, "q."+engine.Ident(c))
	}
	if in.CreatedColumn != "" {
		into = append(into, in.CreatedColumn)
		values = append(values, b.TimeLiteral(in.CreatedAt))
	}
	return fmt.Sprintf("MERGE INTO %s AS t USING (\n%s\n) AS q ON t.%s = %s AND false\nWHEN NOT MATCHED THEN INSERT (%s) VALUES (%s)",
		in.Table, in.Select, engine.Ident(in.RunColumn), b.RunLiteral(in.RunID), engine.Idents(into), strings.Join(values, ", "))
}

// Checksum adds up row hashes, so the order of rows does not matter and equal
// rows count each. A row is hashed as JSON: the server's own hash of a ROW is a
// sum over its columns, which does not see two rows exchange a value, and takes
// zero for NULL. The 1 is for tables of no columns.
func (backend) Checksum(columns []engine.Column) string {
	texts, others := []string{"1"}, []string{}
	for _, c := range columns {
		name := engine.Ident(c.Name)
		typ := strings.ToLower(c.Type)
		switch {
		case !noJSON.MatchString(typ):
			texts = append(texts, name)
		case strings.HasPrefix(typ, "varbinary"):
			texts = append(texts, "to_hex("+name+")")
		case nested.MatchString(typ): // no JSON of these: that they are NULL, and their own sum
			texts = append(texts, name+" IS NULL")
			others = append(others, name)
		default:
			texts = append(texts, "CAST("+name+" AS varchar)")
		}
	}
	sum := "to_hex(checksum(CAST(ROW(" + strings.Join(texts, ", ") + ") AS JSON)))"
	if len(others) > 0 {
		sum += " || '-' || to_hex(checksum(ROW(" + strings.Join(others, ", ") + ")))"
	}
	return "coalesce(" + sum + ", '0')"
}

// noJSON finds types that cannot be cast to JSON, and nested those that hold
// others.
var (
	noJSON = regexp.MustCompile(`\b(?:time\(|varbinary|uuid|ipaddress|interval|with time zone|map\((?:date|timestamp|array|map|row))`)
	nested = regexp.MustCompile(`^(?:array|map|row)\(`)
)

// ChecksumScheme has the version of the server: checksum() may change with it.
func (b backend) ChecksumScheme() string {
	return "trino-checksum-json/" + cmp.Or(b.version, "unknown")
}

func (backend) RunLiteral(runID string) string { return engine.Literal(runID) }

func (backend) TimeLiteral(t time.Time) string {
	return "TIMESTAMP " + engine.Literal(t.UTC().Format("2006-01-02 15:04:05.000000 UTC"))
}

// MD5 takes bytes and returns bytes there.
func (backend) MD5(text string) string { return "lower(to_hex(md5(to_utf8(" + text + "))))" }

func (backend) Fail(msg string) string { return "fail(" + engine.Literal(msg) + ")" }
