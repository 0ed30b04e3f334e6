package compile

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// fixture reads the rows of an input or of expect: a list of mappings, CSV or
// SQL, in the entry itself or in a file that `fixture` names.
func (u *unitReader) fixture(at string, v jinja.Value) Fixture {
	f := Fixture{File: u.e.Pos.File, Pos: u.place(at)}
	d, ok := v.(*jinja.Dict)
	if !ok {
		u.errorf(at, "%s must be a mapping with rows, not %s", at, jinja.Repr(v))
		return f
	}
	format, rows := "dict", get(d, "rows")
	if given := get(d, "format"); given != nil {
		format = strings.ToLower(jinja.Str(given))
	}
	if !slices.Contains([]string{"dict", "csv", "sql"}, format) {
		e := u.errorf(at+".format", "there is no format '%s'", format)
		if e.Advice = "formats: dict, csv, sql"; diag.Nearest(format, []string{"dict", "csv", "sql"}) != "" {
			e.Msg += fmt.Sprintf("; did you mean '%s'?", diag.Nearest(format, []string{"dict", "csv", "sql"}))
		}
		return f
	}
	if name := get(d, "fixture"); name != nil {
		if rows != nil {
			u.errorf(at+".fixture", "both rows and fixture").Advice = "take one of them out"
			return f
		}
		return u.file(at, jinja.Str(name), format)
	}
	switch rows := rows.(type) {
	case *jinja.List:
		if format != "dict" {
			u.errorf(at+".rows", "rows of format %s are a text, not a list", format).Advice = "take format out, or write rows: | and the text"
			return f
		}
		u.dicts(at, rows, &f)
	case string:
		if format == "dict" {
			u.errorf(at+".rows", "rows are a text").Advice = "say which: format: csv or format: sql"
			return f
		}
		u.text(at, rows, format, &f, f.File)
	case nil:
		if format == "dict" && d.Len() > 0 {
			if _, has := d.Get("rows"); has {
				return f // none
			}
		}
		u.errorf(at, "it has no rows").Advice = "write rows: [] for none"
	default:
		u.errorf(at+".rows", "rows must be a list of mappings, not %s", jinja.Repr(rows))
	}
	return f
}

// dicts reads rows that are mappings. A column that a row does not name is NULL.
func (u *unitReader) dicts(at string, rows *jinja.List, f *Fixture) {
	index := map[string]int{}
	for i, v := range rows.Items {
		place := fmt.Sprintf("%s.rows.%d", at, i)
		row, ok := v.(*jinja.Dict)
		if !ok {
			u.errorf(place, "a row must be a mapping of columns to values, not %s", jinja.Repr(v))
			return
		}
		values := make([]jinja.Value, len(f.Columns))
		for _, it := range row.Items() {
			name := jinja.Str(it.Key)
			at, known := index[strings.ToLower(name)]
			if !known {
				at = len(f.Columns)
				index[strings.ToLower(name)] = at
				f.Columns, values = append(f.Columns, name), append(values, nil)
			}
			values[at] = it.Value
		}
		f.Rows, f.places = append(f.Rows, values), append(f.places, u.place(place))
	}
	for i, row := range f.Rows {
		f.Rows[i] = append(row, make([]jinja.Value, len(f.Columns)-len(row))...)
	}
}

// text reads rows that are CSV, or takes a query as it is.
func (u *unitReader) text(at, text, format string, f *Fixture, file string) {
	if format == "sql" {
		if f.SQL = strings.TrimSpace(text); f.SQL == "" {
			u.errorf(at+".rows", "the SQL is empty")
		}
		return
	}
	if err := f.csv(strings.TrimPrefix(text, "\ufeff")); err != nil {
		where := ""
		if file != u.e.Pos.File {
			where = " in " + file
		}
		u.errorf(at+".rows", "the CSV%s is not right: %s", where, err)
	}
	if file == f.Pos.File { // lines of a file are places; those of a text in YAML are not known
		f.places = nil
		return
	}
	f.Pos = diag.Pos{File: file, Line: 1}
	for i := range f.places {
		f.places[i].File = file
	}
}

// csv reads CSV. A blank cell is NULL, also one in quotes, and blanks around a
// value belong to it, as in dbt.
func (f *Fixture) csv(text string) error {
	r := csv.NewReader(strings.NewReader(strings.TrimLeft(text, "\r\n")))
	r.LazyQuotes, r.FieldsPerRecord = true, -1
	f.Text = true
	head, err := r.Read()
	if errors.Is(err, io.EOF) {
		return errors.New("it has no header")
	}
	if err != nil {
		return err
	}
	for _, name := range head {
		name = strings.TrimSpace(name)
		if name == "" {
			return errors.New("a column has no name")
		}
		if slices.ContainsFunc(f.Columns, func(c string) bool { return strings.EqualFold(c, name) }) {
			return fmt.Errorf("column %s is there twice", name)
		}
		f.Columns = append(f.Columns, name)
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := r.FieldPos(0)
		if len(record) != len(head) {
			return fmt.Errorf("line %d has %s, the header has %d", line, counted(len(record), "cell"), len(head))
		}
		row := make([]jinja.Value, len(record))
		for i, cell := range record {
			if cell != "" {
				row[i] = cell
			}
		}
		f.Rows, f.places = append(f.Rows, row), append(f.places, diag.Pos{Line: line})
	}
}

// file reads a fixture of tests/fixtures.
func (u *unitReader) file(at, name, format string) Fixture {
	f := Fixture{File: u.e.Pos.File, Pos: u.place(at + ".fixture")}
	if format == "dict" {
		u.errorf(at+".fixture", "a fixture file is CSV or SQL").Advice = "say which: format: csv or format: sql"
		return f
	}
	var found []*project.Fixture
	var names []string
	for _, x := range u.c.project.Fixtures {
		if x.Package != u.e.Package || x.Format != format {
			continue
		}
		names = append(names, x.Name)
		if x.Name == strings.TrimSuffix(name, "."+format) {
			found = append(found, x)
		}
	}
	switch len(found) {
	case 1:
		f.File = found[0].File
		u.text(at, found[0].Text, format, &f, found[0].File)
		return f
	case 0:
		e := u.errorf(at+".fixture", "there is no fixture '%s'", name)
		if near := diag.Nearest(name, names); near != "" {
			e.Msg += fmt.Sprintf("; did you mean '%s'?", near)
		}
		e.Advice = fmt.Sprintf("fixtures are files such as tests/fixtures/%s.%s", name, format)
	default:
		u.errorf(at+".fixture", "there are two fixtures '%s': %s and %s", name, found[0].File, found[1].File)
	}
	return f
}
