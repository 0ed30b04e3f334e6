package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/seed"
)

// seedFile is a seed's file as it was when it was scanned.
type seedFile struct {
	*seed.File
	name string // in the project
	read engine.CSVFile
	// declared are the types of column_types, by lower-cased column.
	declared map[string]string
	// more are SELECTs of the records that did not fit into the first statement.
	more []string
}

// scanSeed reads a file of the project.
func (r *Runner) scanSeed(name, delimiter string) (*seedFile, error) {
	scanned, err := r.eachRecord(name, delimiter, nil)
	if err != nil {
		return nil, err
	}
	s := &seedFile{File: scanned, name: name}
	s.read = engine.CSVFile{Path: name, Delimiter: delimiter, Longest: s.Longest, Multiline: s.Multiline}
	for _, c := range s.Columns {
		s.read.Columns = append(s.read.Columns, c.Name)
	}
	return s, nil
}

// eachRecord is seed.Each of a file of the project.
func (r *Runner) eachRecord(name, delimiter string, record func([]string)) (*seed.File, error) {
	root, err := os.OpenRoot(r.project.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		var pe *fs.PathError
		msg := err.Error()
		if errors.As(err, &pe) {
			msg = pe.Err.Error()
		}
		return nil, &diag.Error{Pos: diag.Pos{File: name}, Msg: "can not be read: " + msg, Err: err}
	}
	defer f.Close()
	return seed.Each(f, name, delimiter, record)
}

// renderSeed scans a seed's file and writes the SELECT of its rows. What is
// kept of it names the file as the project does.
func (r *Runner) renderSeed(n *compile.Node) (*compile.Rendered, *seedFile, error) {
	d, err := r.seedReader(n)
	if err != nil {
		return nil, nil, err
	}
	delimiter, err := seed.Delimiter(n.Config.Delimiter)
	if err != nil {
		set := n.Setting("delimiter")
		return nil, nil, &diag.Error{Pos: set.Pos, Span: set.Span, Source: set.Source, Msg: err.Error()}
	}
	s, err := r.scanSeed(n.File, delimiter)
	if err != nil {
		return nil, nil, err
	}
	s.declared = map[string]string{}
	for column, typ := range n.Config.ColumnTypes {
		s.declared[strings.ToLower(column)] = typ
	}
	rendered, err := r.seedRows(d, s, "SELECT "+s.selected(d)+"\nFROM ")
	if err != nil {
		return nil, nil, err
	}
	rendered.Warnings = s.unknownTypes(n)
	return rendered, s, nil
}

// seedRows is the SELECT of the file's records; what does not fit into it goes
// into s.more.
func (r *Runner) seedRows(d seedReader, s *seedFile, head string) (*compile.Rendered, error) {
	from, err := d.from(s)
	if err != nil {
		return nil, err
	}
	for _, next := range from[1:] {
		s.more = append(s.more, head+next)
	}
	return &compile.Rendered{SQL: head + from[0], Stored: head + d.stored(s.read)}, nil
}

// selected is the select list: every column in its type.
func (s *seedFile) selected(d seedReader) string {
	var list []string
	for _, c := range s.Columns {
		name := engine.Ident(c.Name)
		if typ := cmp.Or(s.declared[strings.ToLower(c.Name)], d.typeOf(c.Type)); typ != "" {
			list = append(list, fmt.Sprintf("CAST(%s AS %s) AS %s", name, typ, name))
		} else {
			list = append(list, name)
		}
	}
	return strings.Join(list, ",\n    ")
}

// unknownTypes warns of types that the seed's own entry declares for columns
// that the file does not have.
func (s *seedFile) unknownTypes(n *compile.Node) []*diag.Error {
	set := n.Setting("column_types")
	if !n.OwnSetting("column_types") {
		return nil // a folder's are for many seeds
	}
	var out []*diag.Error
	for _, name := range slices.Sorted(maps.Keys(n.Config.ColumnTypes)) {
		if slices.ContainsFunc(s.read.Columns, func(c string) bool { return strings.EqualFold(c, name) }) {
			continue
		}
		e := &diag.Error{Pos: set.Pos, Span: set.Span, Source: set.Source, Warn: true, Msg: fmt.Sprintf("column_types names %s, which is no column of %s", name, s.name)}
		if near := diag.Nearest(name, s.read.Columns); near != "" {
			e.Msg += fmt.Sprintf("; did you mean %s?", near)
		}
		out = append(out, e)
	}
	return out
}

// replaySeed makes a seed's stored SQL runnable on the file as it is now. The
// columns must still be those.
func (r *Runner) replaySeed(n *compile.Node, stored string) (*compile.Rendered, *seedFile, error) {
	d, err := r.seedReader(n)
	if err != nil {
		return nil, nil, err
	}
	head, from, ok := strings.Cut(stored, "\nFROM ")
	was, known := d.parse(from)
	if !ok || !known {
		return nil, nil, fmt.Errorf("the stored SQL of seed %s names no file", n.Name)
	}
	s, err := r.scanSeed(was.Path, was.Delimiter)
	if err != nil {
		return nil, nil, err
	}
	if !slices.Equal(s.read.Columns, was.Columns) {
		return nil, nil, &diag.Error{Pos: diag.Pos{File: s.name, Line: 1}, Msg: fmt.Sprintf("the columns of the file changed since: it had %s", strings.Join(was.Columns, ", ")),
			Advice: "`warehouse build` makes a run of the file as it is now"}
	}
	rendered, err := r.seedRows(d, s, head+"\nFROM ")
	if err != nil {
		return nil, nil, err
	}
	return rendered, s, nil
}

// input is the file as an input of its rows.
func (s *seedFile) input() history.Input {
	return history.Input{Name: s.name, Fingerprint: "sha256:" + s.SHA256}
}

// loaded holds what the engine read to what was scanned.
func (r *Runner) loaded(s *seedFile, rows int64) error {
	now, err := r.scanSeed(s.name, s.read.Delimiter)
	if err != nil {
		return err
	}
	if now.SHA256 != s.SHA256 {
		return changed(s)
	}
	if rows != s.Records {
		return &diag.Error{Pos: diag.Pos{File: s.name}, Msg: fmt.Sprintf("the engine read %d rows of the file's %d", rows, s.Records)}
	}
	return nil
}

func changed(s *seedFile) error {
	return &diag.Error{Pos: diag.Pos{File: s.name}, Msg: "the file changed while it was read", Advice: "`warehouse retry` reads it again"}
}

// explain finds the line of a value that is not of the type that column_types
// gives it. It returns err if it is about anything else.
func (s *seedFile) explain(ctx context.Context, r *Runner, c *engine.Conn, n *compile.Node, err error) error {
	var qe *engine.QueryError
	if !errors.As(err, &qe) || qe.Kind == engine.KindCancelled {
		return err
	}
	d, derr := r.seedReader(n)
	if derr != nil {
		return err
	}
	for i, col := range s.Columns {
		typ := s.declared[strings.ToLower(col.Name)]
		if typ == "" {
			continue
		}
		numbered, derr := d.numbered(s, i)
		if derr != nil {
			return err
		}
		for _, values := range numbered {
			q := fmt.Sprintf("SELECT n, v FROM %s AS f WHERE v IS NOT NULL AND TRY_CAST(v AS %s) IS NULL ORDER BY n LIMIT 1", values, typ)
			var record int64
			var value string
			if c.QueryRow(ctx, q, nil, &record, &value) == nil {
				return &diag.Error{Pos: diag.Pos{File: s.name, Line: s.Line(record)}, Err: err,
					Msg:    fmt.Sprintf("%s is %q, which is no %s", col.Name, value, typ),
					Advice: "correct the value, or column_types in the seed's config"}
			}
		}
	}
	return err
}

// badType places an error in binding a seed's SELECT at the types that its
// config gives.
func (s *seedFile) badType(n *compile.Node, err error) error {
	var qe *engine.QueryError
	set := n.Setting("column_types")
	if !errors.As(err, &qe) || len(s.declared) == 0 || qe.Kind == engine.KindCancelled {
		return placed(err, n, nil)
	}
	return &diag.Error{Pos: set.Pos, Span: set.Span, Source: set.Source, Msg: "column_types: " + qe.Error(), Err: err, Advice: qe.Hint()}
}
