package trino

import (
	"context"
	"errors"
	"net"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/trinodb/trino-go-client/trino"

	"warehouse/runner/engine"
)

// kinds of errors whose name alone tells. Errors of the user that have a place
// are found without running anything; those without one come of the data.
var kinds = map[string]engine.Kind{
	"SYNTAX_ERROR":                 engine.KindSyntax,
	"STATEMENT_TOO_LARGE":          engine.KindSyntax,
	"QUERY_TEXT_TOO_LARGE":         engine.KindSyntax,
	"QUERY_REJECTED":               engine.KindBinder,
	"CATALOG_NOT_FOUND":            engine.KindBinder,
	"PERMISSION_DENIED":            engine.KindOther,
	"ICEBERG_COMMIT_ERROR":         engine.KindConflict,
	"TRANSACTION_CONFLICT":         engine.KindConflict,
	"EXCEEDED_LOCAL_MEMORY_LIMIT":  engine.KindMemory,
	"EXCEEDED_GLOBAL_MEMORY_LIMIT": engine.KindMemory,
	"CLUSTER_OUT_OF_MEMORY":        engine.KindMemory,
	"USER_CANCELED":                engine.KindCancelled,
}

var advice = map[string]string{
	"ICEBERG_COMMIT_ERROR":         "another statement changed the same table meanwhile; run it again",
	"EXCEEDED_LOCAL_MEMORY_LIMIT":  "raise query.max-memory-per-node at the server, or add workers",
	"EXCEEDED_GLOBAL_MEMORY_LIMIT": "raise query.max-memory at the server, or add workers",
	"CLUSTER_OUT_OF_MEMORY":        "the server was short of memory; run it again when it is less busy",
	"QUERY_TEXT_TOO_LARGE":         "a statement may have 1,000,000 characters; query.max-length at the server raises that",
	"COLUMN_TYPE_UNKNOWN":          "give the NULL a type: CAST(NULL AS varchar)",
	"ADMINISTRATIVELY_KILLED":      "somebody ended the statement at the server, perhaps a later build of the same run",
	"PAGE_TRANSPORT_TIMEOUT":       "a worker is gone; nothing of the statement is visible, run it again",
	"REMOTE_HOST_GONE":             "a worker is gone; nothing of the statement is visible, run it again",
	"REMOTE_TASK_ERROR":            "a worker is gone; nothing of the statement is visible, run it again",
	"NO_NODES_AVAILABLE":           "the server has no workers; it may still be starting",
	"INVALID_PROCEDURE_ARGUMENT":   "the catalog keeps its past for longer than seven days: iceberg.expire-snapshots.min-retention at the server, or the target's settings: {CATALOG.expire_snapshots_min_retention: 7d}",
	"SERVER_STARTING_UP":           "the server is still starting; wait for it",
}

// atLine begins the server's own messages about a place.
var atLine = regexp.MustCompile(`^line \d+:\d+: `)

// Explain turns a driver's error into a *engine.QueryError. A cancelled
// statement is one too; errors.Is finds the context's error in it.
func (backend) Explain(err error, query string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*engine.QueryError](err); ok {
		return err
	}
	q := &engine.QueryError{Kind: engine.KindOther, Msg: plain(err), Offset: -1, SQL: query, Err: err}
	if cause := contextError(err); cause != nil {
		q.Kind, q.Msg = engine.KindCancelled, "the statement was cancelled"
		if errors.Is(cause, context.DeadlineExceeded) {
			q.Msg = "the statement took longer than it was given"
		}
		return q
	}
	var te *trino.ErrTrino
	if !errors.As(err, &te) {
		return q
	}
	q.Advice = advice[te.ErrorName]
	q.Offset = offset(query, te.ErrorLocation.LineNumber, te.ErrorLocation.ColumnNumber)
	q.Kind = kindOf(te)
	if q.Kind == engine.KindConflict && q.Advice == "" {
		q.Advice = advice["ICEBERG_COMMIT_ERROR"]
	}
	return q
}

func kindOf(te *trino.ErrTrino) engine.Kind {
	if k, ok := kinds[te.ErrorName]; ok {
		return k
	}
	switch {
	case te.ErrorType == "USER_ERROR" && te.ErrorLocation.LineNumber > 0:
		return engine.KindBinder
	case te.ErrorType == "USER_ERROR":
		return engine.KindRuntime
	case replan(te.Message):
		return engine.KindConflict
	case strings.Contains(te.Message, "No space left on device"):
		return engine.KindDiskFull
	}
	return engine.KindOther
}

var _ engine.Replanner = backend{}

// Replan is about errors that come before anything is written: of a statement
// that was planned while another added a column to its table, and of a view that
// two replaced.
func (backend) Replan(err error) bool {
	var te *trino.ErrTrino
	return errors.As(err, &te) && te.ErrorType == "INTERNAL_ERROR" && replan(te.Message)
}

func replan(msg string) bool {
	return strings.HasPrefix(msg, "Index ") && strings.Contains(msg, " out of bounds for length ") || strings.Contains(msg, "View was updated concurrently")
}

// contextError returns the context's error in err.
func contextError(err error) error {
	for _, c := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, c) {
			return c
		}
	}
	return nil
}

// plain is an error in the server's words, or in a few of ours where there is
// no server. The client's own words repeat the address.
func plain(err error) string {
	var te *trino.ErrTrino
	var failed *trino.ErrQueryFailed
	var ue *url.Error
	var oe *net.OpError
	switch {
	case errors.As(err, &te):
		return strings.TrimSpace(atLine.ReplaceAllString(te.Message, ""))
	case errors.As(err, &oe):
		return "the server does not answer: " + oe.Err.Error()
	case errors.As(err, &ue):
		return "the server does not answer: " + ue.Err.Error()
	case errors.As(err, &failed) && failed.Reason != nil:
		return failed.Reason.Error()
	}
	return err.Error()
}

// offset is the byte at a line and column, which count from 1, the column in
// characters; -1 without a place, and the end of sql for one behind it.
func offset(sql string, line, column int) int {
	if line < 1 || column < 1 {
		return -1
	}
	at := 0
	for ; line > 1; line-- {
		n := strings.IndexByte(sql[at:], '\n')
		if n < 0 {
			return len(sql)
		}
		at += n + 1
	}
	for ; column > 1 && at < len(sql); column-- {
		_, n := utf8.DecodeRuneInString(sql[at:])
		at += n
	}
	return at
}
