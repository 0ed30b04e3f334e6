package runner

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/seed"
)

// seedReader is how an engine gets the records of a file of this machine.
type seedReader interface {
	// from returns table expressions, all of them with the file's columns as
	// texts; each is for a statement of its own.
	from(s *seedFile) ([]string, error)
	// numbered are the same with the column i alone, as v, and the number of the
	// record as n.
	numbered(s *seedFile, i int) ([]string, error)
	// stored is what the register keeps in the place of from: it names the file
	// as the project does. parse reads it.
	stored(f engine.CSVFile) string
	parse(text string) (engine.CSVFile, bool)
	// typeOf is the type of a column that was inferred; "" is text.
	typeOf(seed.Type) string
}

func (r *Runner) seedReader(n *compile.Node) (seedReader, error) {
	switch d := r.dialect().(type) {
	case engine.CSVReader:
		return fileReader{d, r.project.Dir}, nil
	case engine.Appender:
		return textReader{d, r}, nil
	}
	return nil, &diag.Error{Pos: diag.Pos{File: n.File}, Msg: fmt.Sprintf("a %s target reads no CSV files of this machine", r.project.Target.Type),
		Advice: "load the file into a table, and read it as a source"}
}

// fileReader lets the engine read the file.
type fileReader struct {
	engine.CSVReader
	dir string
}

func (f fileReader) at(s *seedFile) engine.CSVFile {
	at := s.read
	at.Path = filepath.Join(f.dir, filepath.FromSlash(s.name))
	return at
}

func (f fileReader) from(s *seedFile) ([]string, error) { return []string{f.ReadCSV(f.at(s))}, nil }

func (f fileReader) numbered(s *seedFile, i int) ([]string, error) {
	at := f.at(s)
	at.Multiline = true // one after the other
	return []string{fmt.Sprintf("(SELECT row_number() OVER () AS n, %s AS v FROM %s)", engine.Ident(s.Columns[i].Name), f.ReadCSV(at))}, nil
}

func (f fileReader) stored(file engine.CSVFile) string        { return f.ReadCSV(file) }
func (f fileReader) parse(text string) (engine.CSVFile, bool) { return f.ParseReadCSV(text) }
func (fileReader) typeOf(t seed.Type) string                  { return sqlTypes[t] }

// sqlTypes are the types that are inferred; text needs no cast.
var sqlTypes = map[seed.Type]string{seed.Integer: "INTEGER", seed.BigInt: "BIGINT", seed.Double: "DOUBLE", seed.Boolean: "BOOLEAN",
	seed.Date: "DATE", seed.Timestamp: "TIMESTAMP"}

// textReader sends the records inside of statements, as JSON, to a server that
// sees no files of this machine.
type textReader struct {
	engine.Appender
	r *Runner
}

// around is what a statement may have beside the records.
const around = 100_000

func (t textReader) from(s *seedFile) ([]string, error) {
	columns := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		columns[i] = fmt.Sprintf("r[%d] AS %s", i+1, engine.Ident(c.Name))
	}
	out, err := t.tables(s, strings.Join(columns, ", "), func(_ int64, values []string) []any {
		out := make([]any, len(values))
		for i, v := range values {
			out[i] = t.value(s, i, v)
		}
		return out
	})
	for i := range out {
		out[i] += " AS f"
	}
	return out, err
}

func (t textReader) numbered(s *seedFile, i int) ([]string, error) {
	return t.tables(s, "CAST(r[1] AS bigint) AS n, r[2] AS v", func(record int64, values []string) []any {
		return []any{strconv.FormatInt(record, 10), t.value(s, i, values[i])}
	})
}

// tables puts as many records into each table as a statement may have.
func (t textReader) tables(s *seedFile, columns string, row func(record int64, values []string) []any) ([]string, error) {
	var out []string
	var rows strings.Builder
	flush := func() {
		from := strings.Replace(t.JSONRows(), "?", engine.Literal("["+rows.String()+"]"), 1)
		out = append(out, fmt.Sprintf("(SELECT %s FROM %s)", columns, from))
		rows.Reset()
	}
	size, limit := 0, t.MaxStatement()-around
	record := int64(0)
	var tooLong error
	file, err := t.r.eachRecord(s.name, s.read.Delimiter, func(values []string) {
		record++
		if len(values) != len(s.Columns) {
			return // it is another file by now
		}
		b, err := json.Marshal(row(record, values))
		n := len(b) + strings.Count(string(b), "'") + 1
		if err != nil || n > limit {
			tooLong = &diag.Error{Pos: diag.Pos{File: s.name, Line: s.Line(record)}, Err: err,
				Msg: fmt.Sprintf("this record is too long: with %d bytes it fits into no statement, which may have %d characters", n, t.MaxStatement())}
			return
		}
		if size+n > limit {
			flush()
			size = 0
		}
		if size > 0 {
			rows.WriteByte(',')
		}
		rows.Write(b)
		size += n
	})
	switch {
	case err != nil:
		return nil, err
	case file.SHA256 != s.SHA256:
		return nil, changed(s)
	case tooLong != nil:
		return nil, tooLong
	}
	flush()
	return out, nil
}

// value is what the server casts to the column's type. What was inferred is
// written in one form: servers differ in the blanks and times that they read.
func (t textReader) value(s *seedFile, i int, v string) any {
	if v == "" {
		return nil
	}
	declared := strings.ToLower(s.declared[strings.ToLower(s.Columns[i].Name)])
	typ := s.Columns[i].Type
	if typ == seed.Text || declared != "" && !(typ == seed.Timestamp && strings.HasPrefix(declared, "timestamp") && !strings.Contains(declared, "zone")) {
		return v
	}
	v = strings.TrimSpace(v)
	if typ == seed.Timestamp {
		if at, err := seed.Instant(v); err == nil {
			return at.Format("2006-01-02 15:04:05.000000")
		}
	}
	return v
}

func (textReader) typeOf(typ seed.Type) string {
	if typ == seed.Timestamp {
		return "TIMESTAMP(6)" // without a precision it has milliseconds
	}
	return sqlTypes[typ]
}

func (textReader) stored(f engine.CSVFile) string {
	b, _ := json.Marshal(storedFile{f.Path, f.Delimiter, f.Columns})
	return "csv_file(" + engine.Literal(string(b)) + ")"
}

type storedFile struct {
	Path      string   `json:"path"`
	Delimiter string   `json:"delimiter"`
	Columns   []string `json:"columns"`
}

func (textReader) parse(text string) (engine.CSVFile, bool) {
	text, ok := strings.CutPrefix(text, "csv_file('")
	text, end := strings.CutSuffix(text, "')")
	var f storedFile
	if !ok || !end || json.Unmarshal([]byte(strings.ReplaceAll(text, "''", "'")), &f) != nil {
		return engine.CSVFile{}, false
	}
	return engine.CSVFile{Path: f.Path, Delimiter: f.Delimiter, Columns: f.Columns}, true
}
