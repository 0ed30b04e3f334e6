// Package mart stores one run's rows of one model.
//
// The way of a write:
//
//  1. Layouts reads the stored columns of all tables, in one query.
//  2. Fit compares a SELECT's columns with the stored ones: what to create or
//     add, and which stored column takes which value. It touches nothing, so
//     that a column error is found before any mart is written.
//  3. Evolve creates the table or adds the columns. Write does it first; an
//     engine on which DDL must not run beside writes calls it before.
//  4. Write, inside the caller's transaction: evolve, delete this run's rows,
//     insert, count and checksum in one scan, verify the key.
//  5. Verify and CheckKey read a run's rows again, later.
//
// A stored column is never renamed, cast or rewritten: a new type gets a new
// stored column "name~2", and the views of the runs that have it select it
// under its plain name.
package mart

import "warehouse/runner/engine"

// Spec says how a model is stored.
type Spec struct {
	Table         engine.Relation // database, schema and name
	Types         engine.Types    // of the engine's dialect
	RunColumn     string          // "run_id"
	CreatedColumn string          // "created_at"; "" for none
	CreatedYields bool            // Yield may leave CreatedColumn out
	Key           []string        // column names without the run id; nil for none
	// Unique names columns that tell the rows of a run apart, NULL being equal to NULL; nil for none.
	Unique         []string
	KeyEnforced    bool   // a PRIMARY KEY (run id, key) in the table
	OnSchemaChange string // "evolve" (also "") or "fail"
}

// Column is one column of a run of a mart: its name in that run's SELECT, its
// type, and the stored column that holds it.
type Column struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Physical string `json:"physical"`
}

// Written is what a write put there.
type Written struct {
	Rows     int64
	Selected int64  // of them by the SELECT: Job.Then may have changed them; 0 if the rows went into a File
	Checksum string // decimal text
	Scheme   string // how it was computed, with the engine's version
	Columns  []Column
	Counts   []int64 // of Job.Counts
	IfFew    []int64 // of Job.IfFew; nil if they were not counted
}
