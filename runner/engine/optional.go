package engine

import "context"

// Transactor is an engine with multi-statement transactions.
type Transactor interface {
	// Transaction returns the statements that begin, commit and undo one.
	Transaction() (begin, commit, rollback string)
}

// MemoryBinder is an engine that can hold views outside the target, so that a
// running build leaves no trace in it.
type MemoryBinder interface {
	// MemoryCatalog is the database in which such views live.
	MemoryCatalog() string
}

// Checkpointer is an engine whose file is tidied once after a build.
type Checkpointer interface {
	// BeforeBuild and AfterBuild return statements to run around a build. What
	// the target's settings say is left as it is.
	BeforeBuild(t Target) []string
	AfterBuild(t Target) []string
	// DuringBuild returns a statement that gives back the memory which is kept
	// for rows that were added to tables with rows, and after how many columns
	// of such tables it pays; 0 if it is not to be run.
	DuringBuild(t Target) (statement string, columns int)
}

// Pacer is an engine of which one statement can use one core or all of them.
type Pacer interface {
	// Pace returns the statements that give later statements one core, and all
	// of them again: "" where the target's settings say how many there are.
	Pace(t Target) (narrow, wide string)
}

// StatementChecker can tell whether a text is exactly one statement that only
// reads.
type StatementChecker interface {
	// CheckSelect returns a *QueryError if sql is not one SELECT.
	CheckSelect(ctx context.Context, c *Conn, sql string) error
}

// SearchPather is an engine in which a session can look unqualified names up in
// several schemas, in order. Conn.SearchPath is the way to use it.
type SearchPather interface {
	// SearchPath returns the statement that sets it.
	SearchPath(schemas ...Relation) string
}

// IntegerCounter is an engine that counts different integers of a known range
// without remembering each: a bit for each possible value.
type IntegerCounter interface {
	// DistinctIntegers returns an aggregate expression for the number of
	// different values of a column of the given type that lie between low and
	// high, of which it is given rows many; false if the type or the range does
	// not suit, and the general way is better.
	DistinctIntegers(column, typ string, low, high, rows int64) (string, bool)
}

// Repeater is an engine that tells in an aggregate whether GROUP BY would find a
// value of a column twice.
type Repeater interface {
	// Repeats is 0 if it finds none; else, or where it cannot be told, it is not 0.
	Repeats(column string) string
}

// KeyJoiner is an engine that joins by a hash table only what is compared with
// =. Another comparison takes each pair of rows.
type KeyJoiner interface {
	// SameKey is true where two values of a type are equal, or both NULL.
	SameKey(typ, a, b string) string
}

// SameKey is a condition: two values of a type are equal, or both NULL.
func SameKey(d Dialect, typ, a, b string) string {
	if j, ok := d.(KeyJoiner); ok {
		return j.SameKey(typ, a, b)
	}
	return a + " IS NOT DISTINCT FROM " + b
}

// Marker is an engine that keeps comments on tables.
type Marker interface {
	// Mark puts a comment on a table.
	Mark(table Relation, comment string) string
	// Marked selects schema and name of the target's tables with a comment.
	Marked(comment string) string
}

// Replanner is an engine whose statements fail where another client changes the
// columns of their table, or the view that they replace, at the same moment.
type Replanner interface {
	// Replan tells whether an error, as Explain returns it, is such a one: the
	// statement did nothing, and is sent again.
	Replan(err error) bool
}

// Appender is an engine without transactions of several statements, on which
// state is only added to: an UPDATE of a small table conflicts with every
// other, and two appends never do. A publication is one row there, with its
// whole snapshot in it.
type Appender interface {
	// JSONRows is a table expression over one parameter, a JSON array of arrays
	// of texts. Its column r is one of those: r[1] is its first text.
	JSONRows() string
	// MaxStatement is how many characters a statement may have.
	MaxStatement() int
	// MaxBranches is how many SELECTs of a user's a UNION ALL may have: each is
	// planned as stages of its own, of which a statement may have so many.
	MaxBranches() int
	// JSONTexts is the same of a JSON array of texts, which are its column v.
	JSONTexts() string
	// ParseTime reads a text "2006-01-02 15:04:05.000000 UTC".
	ParseTime(expr string) string
	// InsertNew adds the rows of a SELECT, which returns the columns of into in
	// that order, unless there is a row that is equal in the columns of key: then
	// no row is affected. Of two at once that add one key, one fails with
	// KindConflict.
	InsertNew(table Relation, key, into []string, query string) string
	// SnapshotType is the type of a map from marts to run ids, ParseSnapshot
	// reads one from a JSON object, and UnnestSnapshots is a SELECT of (seq,
	// mart, run_id) over a log that has them in its column marts.
	SnapshotType() string
	ParseSnapshot(expr string) string
	UnnestSnapshots(log Relation) string
	// LiveRun is a scalar subquery: the run that the entry of the log so many
	// steps before the newest, 0 or 1, has for a mart; NULL if there is none.
	LiveRun(log Relation, mart string, back int) string
}

// Maintainer is an engine whose tables are files that a server keeps: old ones
// are given up, and small ones merged, when it is told to.
type Maintainer interface {
	// Expire gives up the files of what was deleted or replaced, as far as the
	// server lets go of its past.
	Expire(table Relation) string
	// Merge makes few files of many, which changes no row.
	Merge(table Relation) []string
	// Files is a SELECT of one row: how many files a table has, their bytes and
	// their rows.
	Files(table Relation) string
}

// RunCounter is an engine that knows how many rows each run has in a table
// without reading them.
type RunCounter interface {
	// CountRuns is a SELECT of (run id as text, rows).
	CountRuns(table Relation, runColumn string) string
}

// Overseer is an engine whose server goes on with the statements of a client
// that is gone.
type Overseer interface {
	// StatementsOf is a SELECT of the ids of the statements of a source that
	// have not ended. LastOf is a SELECT of one integer: how many seconds ago a
	// statement of the source was last seen, NULL if the server remembers none.
	StatementsOf(source string) string
	LastOf(source string) string
	// Kill ends a statement.
	Kill(id string) string
}

// Profiler is an engine that sums columns up.
type Profiler interface {
	// ProfileColumn returns aggregate expressions over a column.
	ProfileColumn(c Column) ColumnAggregates
}

// ColumnAggregates are aggregate expressions over one column. "" is one that
// the column's type has not.
type ColumnAggregates struct {
	Distinct string // how many different values, approximately: an integer
	Min, Max string // text
	Mean, SD string // of a number, or the share of true: DOUBLE; infinite and NaN left out
}

// Macros is an engine that keeps SQL with parameters in the database, for any
// client.
type Macros interface {
	// ScalarMacro and TableMacro return the statement that makes one or replaces
	// it: of a SELECT of one value, and of any SELECT.
	ScalarMacro(name Relation, params []string, query string) string
	TableMacro(name Relation, params []string, query string) string
}

// NameJoiner is an engine that can put rows of two queries together by the names
// of their columns, and compute a WITH once however often it is read.
type NameJoiner interface {
	UnionByName() string  // "UNION ALL BY NAME"
	Materialized() string // between AS and the parenthesis, with a space at its end
}

// Digester is an engine that has MD5.
type Digester interface {
	// MD5 is the digest of a text expression as lower-case hexadecimal text.
	MD5(text string) string
}

// Stager is an engine whose file nobody else can read while it is written, so
// that a build may be made in a file beside it.
type Stager interface {
	// AttachReader returns the statement that makes another file of the engine's
	// readable under a name.
	AttachReader(path, as string) string
	// StageRun returns the statements that do what InsertRun does, of an empty
	// table, but leave the rows in a file, which the first of them writes, and in
	// the place of the table a view of it. types are those of in.Physical. False
	// if the file would not hold the values of such types exactly.
	StageRun(in Insert, types []string, file string) ([]string, bool)
}
