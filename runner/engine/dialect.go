package engine

import "time"

// Dialect writes the SQL that differs between engines. Every method is pure:
// the same arguments give the same text. Golden files hold each of them.
type Dialect interface {
	// Name is the engine's name: "duckdb", "trino". Macros are dispatched on it.
	Name() string
	// Catalog is the database part of a table's full name in this engine, as
	// opened; bindings in memory use it, stored views never do.
	Catalog() string
	// DefaultSchema is the schema of a target that names none.
	DefaultSchema() string
	// Types returns the engine's names for the types of the register, spelled
	// as Describe and Layouts spell them.
	Types() Types
	// Layouts is a SELECT of (table, column, type) over the tables of a schema
	// ("" is the default one), by table and then in the order of the columns.
	Layouts(schema string) string

	// CreateTable makes a run-partitioned table (or a state table, with
	// RunColumn ""), if it does not exist.
	CreateTable(t Table) string
	// AddColumn adds a column to a table.
	AddColumn(table Relation, c Column) string
	// DropTable drops a table if it exists.
	DropTable(table Relation) string
	// DeleteRun removes one run's rows from a table.
	DeleteRun(table Relation, runColumn, runID string) string
	// InsertRun writes the rows of a SELECT under a run id. created is the
	// value of the created-at column. On engines without transactions the
	// insert is fenced against a second writer of the same run id.
	InsertRun(in Insert) string
	// Checksum returns an aggregate expression over the columns, in the order
	// given, with their types as stored: a multiset sum of row hashes, independent of the order of rows,
	// as text. ChecksumScheme names it with the engine's version.
	Checksum(columns []Column) string
	ChecksumScheme() string

	// RunLiteral is a run id as a value of the run id type.
	RunLiteral(runID string) string
	// TimeLiteral is an instant as a value of the timestamp type, in
	// microseconds.
	TimeLiteral(t time.Time) string
	// Fail returns an expression that, once evaluated, fails the statement
	// with msg.
	Fail(msg string) string
}

// Types are the engine's names of the types that the register uses.
type Types struct{ RunID, Text, JSON, Int, Real, Bool, Timestamp string }

// Table describes a table to create.
type Table struct {
	Relation  Relation
	Columns   []Column // all of them, the run id column included
	RunColumn string   // the partition; "" for an unpartitioned state table
	Key       []string // enforced primary key, the run id first; nil for none
}

// Insert describes one run's write into a mart.
type Insert struct {
	Table         Relation
	RunColumn     string
	RunID         string
	CreatedColumn string // "" for none
	CreatedAt     time.Time
	// Physical[i] is the stored column that takes the SELECT's Columns[i].
	Physical, Columns []string
	// Key, if the mart has one: what a fenced insert matches on.
	Key    []string
	Select string
}
