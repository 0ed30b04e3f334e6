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
