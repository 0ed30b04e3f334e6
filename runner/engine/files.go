package engine

import (
	"context"
	"errors"
)

// The optional interfaces of engines whose database is a file on this machine.

// BoundedDeleter is an engine that can delete a part of a run's rows.
type BoundedDeleter interface {
	// DeleteSome removes at most most rows of a run, so that a repeated call
	// removes them all. It is for runs that are too large for a transaction.
	DeleteSome(table Relation, runColumn, runID string, most int64) string
}

// Sizer is an engine that knows how much room a table takes.
type Sizer interface {
	// TableBytes is a SELECT of one integer: the bytes of a table.
	TableBytes(table Relation) string
}

// Compacter is an engine whose file keeps the room of deleted rows until it is
// written anew.
type Compacter interface {
	// Compact writes the target's database into a new file beside it, compares
	// both, and puts the new one in the place of the old. The target must not
	// be open anywhere. Until the one rename, and after any failure, the old
	// file is as it was; what an earlier Compact left behind is removed.
	// progress is told what is being done.
	Compact(ctx context.Context, t Target, progress func(string)) (Compacted, error)
}

// Compacted says what Compact did.
type Compacted struct {
	Before, After int64 // bytes of the database
	Tables        int
	Rows          int64
}

// ErrCopyDiffers: what Compact wrote is not what it read. The old file stays.
var ErrCopyDiffers = errors.New("the copy differs from the database")

// Exporter is an engine that writes results into files by itself.
type Exporter interface {
	// AttachFile opens a database file under a name. It is made if readOnly is
	// false and it is not there.
	AttachFile(path, name string, readOnly bool) string
	// DetachFile closes it. All that was written is then in that one file.
	DetachFile(name string) []string
	// Remark stores a text with a table, and Remarks is a SELECT of (schema,
	// table, text or NULL) over all tables and views of an attached file.
	Remark(table Relation, text string) string
	Remarks(name string) string
	// CopyQuery writes the rows of a SELECT, which has these columns, into a
	// file, "parquet" or "csv": CSV has a header, nothing for NULL and "" for
	// empty text. No value is changed: what a format cannot hold is an error.
	CopyQuery(query string, columns []Column, path, format string) string
}

// SyntaxTreer is an engine that shows what its parser made of a SELECT.
type SyntaxTreer interface {
	// SyntaxTree returns the tree as JSON, as sqltext.Lint reads it. A text
	// that the engine cannot show so is errors.ErrUnsupported.
	SyntaxTree(ctx context.Context, c *Conn, sql string) ([]byte, error)
	// BoundTree returns the tree with the types of all expressions; what the
	// SELECT reads must be there.
	BoundTree(ctx context.Context, c *Conn, sql string) ([]byte, error)
}

// CSVReader is an engine that reads CSV files of this machine.
type CSVReader interface {
	// ReadCSV returns a table expression: the records of a file, every column as
	// text, an empty value NULL. The engine guesses nothing.
	ReadCSV(f CSVFile) string
	// ParseReadCSV reads a path, columns and delimiter from what ReadCSV wrote.
	ParseReadCSV(text string) (CSVFile, bool)
}

// CSVFile says how a CSV file is read. Its first line is the header.
type CSVFile struct {
	Path      string
	Columns   []string // names, in the order of the file
	Delimiter string
	Longest   int  // bytes of the longest record
	Multiline bool // a record may go over more than one line
}
