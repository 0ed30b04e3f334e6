package duckdb

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"warehouse/runner/engine"
)

// failure is DuckDB's error, taken apart.
type failure struct {
	Type     string `json:"exception_type"` // "Binder", "Out of Range"
	Msg      string `json:"exception_message"`
	Position string `json:"position"`
}

// stackTrace begins what DuckDB adds to errors that are its own faults.
const stackTrace = "\n\nStack Trace:"

// offset is the byte offset into the text sent, or -1.
func (f failure) offset() int {
	if n, err := strconv.Atoi(f.Position); err == nil {
		return n
	}
	return -1
}

// parse finds DuckDB's error in err. Sessions give errors as JSON, parser
// errors with their prefix before it; a session on which a project's SQL set
// this off gives text.
func parse(err error) (failure, bool) {
	var de *duckdb.Error
	if !errors.As(err, &de) {
		return failure{}, false
	}
	text := de.Msg
	typ, rest, prefixed := strings.Cut(text, " Error: ")
	for _, t := range []string{text, rest} {
		var f failure
		if strings.HasPrefix(t, "{") && json.Unmarshal([]byte(t), &f) == nil && f.Type != "" {
			f.Msg, _, _ = strings.Cut(f.Msg, stackTrace)
			return f, true
		}
	}
	if !prefixed || de.Type == duckdb.ErrorTypeInvalid {
		return failure{Msg: text}, true
	}
	msg, _, _ := strings.Cut(rest, "\n\nLINE ")
	msg, _, _ = strings.Cut(msg, stackTrace)
	return failure{Type: typ, Msg: msg}, true
}

var kinds = map[string]engine.Kind{
	"Binder":                 engine.KindBinder,
	"Catalog":                engine.KindBinder,
	"Parameter Not Resolved": engine.KindBinder,
	"Parameter Not Allowed":  engine.KindBinder,
	"Planner":                engine.KindBinder,
	"Parser":                 engine.KindSyntax,
	"Syntax":                 engine.KindSyntax,
	"Conversion":             engine.KindRuntime,
	"Out of Range":           engine.KindRuntime,
	"Invalid Input":          engine.KindRuntime,
	"Mismatch Type":          engine.KindRuntime,
	"Divide by Zero":         engine.KindRuntime,
	"Decimal":                engine.KindRuntime,
	"Invalid type":           engine.KindRuntime,
	"Object Size":            engine.KindRuntime,
	"Expression":             engine.KindRuntime,
	"Executor":               engine.KindRuntime,
	"Invalid":                engine.KindRuntime,
	"Constraint":             engine.KindConstraint,
	"Out of Memory":          engine.KindMemory,
	"INTERRUPT":              engine.KindCancelled,
	"Missing Extension":      engine.KindExtension,
	"Extension Autoloading":  engine.KindExtension,
}

// Explain turns a driver's error into a *engine.QueryError. A cancelled
// statement is one too; errors.Is finds the context's error in it.
func (backend) Explain(err error, query string) error {
	if err == nil {
		return nil
	}
	var known *engine.QueryError
	if errors.As(err, &known) {
		return err
	}
	q := &engine.QueryError{Kind: engine.KindOther, Msg: err.Error(), Offset: -1, SQL: query, Err: err}
	if cause := contextError(err); cause != nil {
		q.Kind, q.Msg = engine.KindCancelled, "the statement was cancelled"
		if errors.Is(cause, context.DeadlineExceeded) {
			q.Msg = "the statement took longer than it was given"
		}
		return q
	}
	f, ok := parse(err)
	if !ok {
		q.Kind, q.Msg = driverKind(err)
		return q
	}
	q.Msg, q.Offset = strings.TrimSpace(f.Msg), f.offset()
	if q.Offset > len(query) {
		q.Offset = -1
	}
	if k, ok := kinds[f.Type]; ok {
		q.Kind = k
	}
	refine(q, f)
	return q
}

// contextError returns the context's error in err. The driver joins it to
// DuckDB's when it interrupts a statement.
func contextError(err error) error {
	for _, c := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, c) {
			return c
		}
	}
	return nil
}

// driverKind is for the driver's own errors, which have no type.
func driverKind(err error) (engine.Kind, string) {
	msg := err.Error()
	switch {
	case strings.HasSuffix(msg, "empty query"):
		return engine.KindSyntax, "there is no statement"
	case isMany(err):
		return engine.KindSyntax, "more than one statement"
	case strings.Contains(msg, "incorrect argument count"):
		return engine.KindBinder, "the statement has parameters ($1, ?) that are given no values"
	}
	return engine.KindOther, msg
}

// isMany tells whether the driver refused a text for having more than one
// statement.
func isMany(err error) bool {
	return strings.Contains(err.Error(), "missing context for multi-statement query")
}

// refine sets what DuckDB's type alone does not tell.
func refine(q *engine.QueryError, f failure) {
	switch f.Type {
	case "Catalog":
		if strings.Contains(f.Msg, "write-write conflict") {
			q.Kind = engine.KindConflict
		}
	case "TransactionContext":
		if strings.Contains(strings.ToLower(f.Msg), "conflict") {
			q.Kind, q.Advice = engine.KindConflict, "another transaction changed the same thing; run it again"
		}
	case "Out of Memory":
		q.Advice = "raise memory_limit in the target's settings, or lower threads"
		if strings.Contains(f.Msg, "max_temp_directory_size") || strings.Contains(f.Msg, "temp directory") {
			q.Advice = "raise memory_limit or max_temp_directory_size in the target's settings"
		}
	case "FATAL", "INTERNAL":
		q.Advice = "this is a fault of DuckDB; close the database and open it again"
	}
	if strings.Contains(f.Msg, "No space left on device") { // also of a commit
		q.Kind, q.Advice = engine.KindDiskFull, "free some space, then run it again: what was committed is safe"
	}
	if name := extension(f.Msg); name != "" {
		q.Kind = engine.KindExtension
		q.Msg = fmt.Sprintf("%s needs DuckDB's extension %s, which is not loaded", cmp.Or(subject(f.Msg), "the statement"), name)
		q.Advice = fmt.Sprintf("extensions are never loaded from the network; if %s is installed on this machine, load it with LOAD %s", name, name)
	}
}

var extensions = []*regexp.Regexp{
	regexp.MustCompile(`it exists in the (\w+) extension`),
	regexp.MustCompile(`requires the extension '?(\w+)'?`),
	regexp.MustCompile(`the required extension '?(\w+)'?`),
	regexp.MustCompile(`Extension "(?:[^"]*/)?(\w+)(?:\.duckdb_extension)?" (?:not found|is an existing extension)`),
}

// extension returns the name of the extension whose absence msg reports.
func extension(msg string) string {
	for _, re := range extensions {
		if m := re.FindStringSubmatch(msg); m != nil {
			return m[1]
		}
	}
	return ""
}

// subject is what a message says needs an extension, or "".
func subject(msg string) string {
	line, _, _ := strings.Cut(msg, "\n")
	for _, tail := range []string{" is not in the catalog, but it exists in the ", ", but it exists in the ", " requires the extension "} {
		if head, _, ok := strings.Cut(line, tail); ok {
			return head
		}
	}
	return ""
}
