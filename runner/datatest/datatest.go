// Package datatest runs data tests: queries that return failing rows.
//
//  1. Run counts a test's failures and compares them with its thresholds, in
//     one statement. Only when it is not a pass, the first failing rows are
//     fetched.
//  2. RunFused does the same for all row-wise tests of one relation in a
//     single scan.
//
// A test that cannot bind or run has the status Error: it is no pass.
package datatest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"warehouse/runner/engine"
)

// Test is one data test.
type Test struct {
	Name     string
	SQL      string // returns failing rows
	Severity string // "error", "warn"
	WarnIf   string // compared with the failures: "!= 0"
	ErrorIf  string
	FailCalc string // aggregate over the failing rows: "count(*)"
	Limit    int    // most rows of the sample; 0 is SampleRows
	RowWise  string // aggregate over the relation that counts failures; "" if there is none
}

// SampleRows is how many failing rows are fetched unless a test says less.
const SampleRows = 5

// Status of a Result.
type Status string

const (
	Pass  Status = "pass"
	Warn  Status = "warn"
	Fail  Status = "fail"
	Error Status = "error"
)

// Result is what became of a test.
type Result struct {
	Status   Status
	Failures int64
	Columns  []string    // of the sample
	Rows     [][]*string // as text; nil is NULL
	Err      error       // with Status Error; also when only the sample failed
	Started  time.Time
	Duration time.Duration
}

// Run runs one test. The context's end is an Error result with its error.
func Run(ctx context.Context, c *engine.Conn, t Test) Result {
	r := Result{Started: time.Now()}
	q := fmt.Sprintf("SELECT failures, failures %s, failures %s FROM (SELECT coalesce(CAST(%s AS %s), 0) AS failures FROM (\n%s\n) AS dbt_internal_test) AS counted",
		t.WarnIf, t.ErrorIf, t.FailCalc, c.DB().Dialect().Types().Int, t.SQL)
	var warn, fail bool
	if err := c.QueryRow(ctx, q, nil, &r.Failures, &warn, &fail); err != nil {
		r.Status, r.Err = Error, shift(err, q, t.SQL)
	} else {
		r.Status = t.verdict(warn, fail)
		r.sample(ctx, c, t)
	}
	r.Duration = time.Since(r.Started)
	return r
}

// Simple says whether a test's thresholds are the usual ones, so that its
// verdict needs no engine.
func (t Test) Simple() bool {
	return t.RowWise != "" && t.WarnIf == "!= 0" && t.ErrorIf == "!= 0"
}

// Judge is the result of a Simple test whose failures were counted elsewhere.
// If it is no pass, the sample is fetched.
func Judge(ctx context.Context, c *engine.Conn, t Test, failures int64, started time.Time) Result {
	r := Result{Started: started, Failures: failures, Status: t.verdict(failures != 0, failures != 0)}
	r.sample(ctx, c, t)
	r.Duration = time.Since(started)
	return r
}

// RunFused runs Simple tests of one relation in one scan; results are in the
// order of tests. If the scan fails as a whole, each test is run by itself, so
// that one that cannot bind does not hide the others.
func RunFused(ctx context.Context, c *engine.Conn, relation string, tests []Test) []Result {
	started := time.Now()
	out := make([]Result, len(tests))
	counts, err := Count(ctx, c, relation, tests)
	for i, t := range tests {
		if err != nil {
			out[i] = Run(ctx, c, t)
		} else {
			out[i] = Judge(ctx, c, t, counts[i], started)
		}
	}
	return out
}

// Count returns the failures of Simple tests of one relation, by one scan.
func Count(ctx context.Context, c *engine.Conn, relation string, tests []Test) ([]int64, error) {
	exprs := make([]string, len(tests))
	counts := make([]int64, len(tests))
	dest := make([]any, len(tests))
	for i, t := range tests {
		exprs[i], dest[i] = t.RowWise, &counts[i]
	}
	err := c.QueryRow(ctx, "SELECT "+strings.Join(exprs, ", ")+" FROM "+relation, nil, dest...)
	return counts, err
}

func (t Test) verdict(warn, fail bool) Status {
	switch {
	case fail && t.Severity != "warn":
		return Fail
	case warn:
		return Warn
	}
	return Pass
}

// sample fetches the first failing rows of a test that did not pass.
func (r *Result) sample(ctx context.Context, c *engine.Conn, t Test) {
	if r.Status == Pass {
		return
	}
	n := SampleRows
	if t.Limit > 0 {
		n = min(n, t.Limit)
	}
	r.Columns, r.Rows, r.Err = First(ctx, c, t.SQL, n)
}

// First returns the first n rows of a SELECT as text, each column cast by the
// engine, and the columns' names.
func First(ctx context.Context, c *engine.Conn, query string, n int) (names []string, rows [][]*string, err error) {
	cols, err := c.Describe(ctx, query)
	if err != nil {
		return nil, nil, err
	}
	aliases, casts := make([]string, len(cols)), make([]string, len(cols))
	for i, col := range cols {
		names = append(names, col.Name)
		aliases[i] = engine.Ident(fmt.Sprintf("c%d", i)) // names may repeat
		casts[i] = fmt.Sprintf("CAST(%s AS %s)", aliases[i], c.DB().Dialect().Types().Text)
	}
	q := fmt.Sprintf("SELECT %s FROM (\n%s\n) AS failing(%s) LIMIT %d", strings.Join(casts, ", "), query, strings.Join(aliases, ", "), n)
	res, err := c.Query(ctx, q)
	if err != nil {
		return names, nil, shift(err, q, query)
	}
	defer res.Close()
	for res.Next() {
		row := make([]*string, len(cols))
		dest := make([]any, len(cols))
		for i := range row {
			dest[i] = &row[i]
		}
		if err := res.Scan(dest...); err != nil {
			return names, rows, err
		}
		rows = append(rows, row)
	}
	if err := res.Err(); err != nil {
		return names, rows, c.Explain(err, q)
	}
	return names, rows, nil
}

// shift makes an error's offset in the wrapped statement one in inner.
func shift(err error, wrapped, inner string) error {
	qe, ok := err.(*engine.QueryError)
	if !ok || qe.Offset < 0 {
		return err
	}
	cp := *qe
	cp.Offset -= strings.Index(wrapped, "\n"+inner) + 1
	if cp.Offset < 0 || cp.Offset > len(inner) {
		cp.Offset = -1
	}
	return &cp
}
