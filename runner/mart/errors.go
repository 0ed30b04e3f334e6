package mart

import (
	"fmt"
	"strings"

	"warehouse/runner/engine"
)

// Problem says what is wrong with a column.
type Problem string

const (
	DuplicateColumn Problem = "duplicate column"  // two columns of the SELECT have one name
	RunColumn       Problem = "run id column"     // the SELECT returns it, or the table has another
	CreatedColumn   Problem = "created-at column" // the SELECT returns it, or the table has it with another type
	ReservedName    Problem = "reserved name"     // ends in ~N
	KeyColumn       Problem = "key column"        // not in the SELECT, or an enforced one changed its type
	SchemaChange    Problem = "schema change"     // under on_schema_change: fail
)

// ColumnError is one reason why a SELECT does not fit its table.
type ColumnError struct {
	Problem Problem
	Column  string // as the SELECT or the config spells it; "" for none
	Msg     string
	Advice  string
}

func (e *ColumnError) Error() string { return e.Msg }
func (e *ColumnError) Hint() string  { return e.Advice }

// ColumnErrors are all the reasons, in the order of the SELECT.
type ColumnErrors []*ColumnError

func (es ColumnErrors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

func (es ColumnErrors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

// CountError: the rows were written, but Job.Counts could not be counted in
// the scan that follows. Without them the write may go well.
type CountError struct{ Err error }

func (e *CountError) Error() string { return e.Err.Error() }
func (e *CountError) Unwrap() error { return e.Err }

// KeyError says that a run's rows break their mart's key.
type KeyError struct {
	Table      engine.Relation
	Key        []string
	Nulls      int64 // rows with a NULL in the key
	Duplicates int64 // rows too many: rows with a whole key, less the different keys
	Unique     bool  // it is a unique_key, in which NULL is a value like any other
	// Examples are up to five keys that are NULL in part or repeated, the most
	// frequent first: "customer_id = 7, day = 2026-01-02: 3 rows".
	Examples []string
}

func (e *KeyError) Error() string {
	var what []string
	if e.Nulls > 0 {
		what = append(what, fmt.Sprintf("%s with NULL in it", rows(e.Nulls)))
	}
	if e.Duplicates > 0 {
		what = append(what, fmt.Sprintf("%s too many with the same values", rows(e.Duplicates)))
	}
	key := "key"
	if e.Unique {
		key = "unique_key"
	}
	msg := fmt.Sprintf("the %s (%s) of %s is broken: %s", key, strings.Join(e.Key, ", "), e.Table.Name, strings.Join(what, ", "))
	for _, x := range e.Examples {
		msg += "\n  " + x
	}
	return msg
}

// Hint says what to do.
func (e *KeyError) Hint() string {
	if e.Unique {
		return "mend the SELECT; or set incremental_strategy: delete+insert, under which rows may share a key and are replaced together"
	}
	return "mend the SELECT, or change primary_key to columns that identify a row; nothing of this run's mart was written"
}

func rows(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}
