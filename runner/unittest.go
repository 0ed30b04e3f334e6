package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"warehouse/runner/compile"
	"warehouse/runner/datatest"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
)

// unitNow runs a unit test: its model's SELECT over the given rows, which stand
// in the statement itself, compared with the expected ones. Nothing is read
// from the target and nothing is written.
func (b *build) unitNow(ctx context.Context, n *compile.Node) (res datatest.Result, stored string, err error) {
	res.Started = time.Now()
	err = b.db.With(ctx, func(c *engine.Conn) error {
		u := &unitRun{b: b, c: c, n: n}
		rendered, err := u.render(ctx)
		if err != nil {
			return err
		}
		stored = rendered.Stored
		return u.compare(ctx, rendered, &res)
	})
	res.Duration = time.Since(res.Started)
	return res, stored, err
}

// unitRun is one unit test on its way.
type unitRun struct {
	b *build
	c *engine.Conn
	n *compile.Node

	inputs []unitRows // as Given
	actual []engine.Column
}

// render writes the model's SQL over the given rows, and binds it.
func (u *unitRun) render(ctx context.Context) (*compile.Rendered, error) {
	test := u.n.Unit
	queries := make([]string, len(test.Given))
	u.inputs = make([]unitRows, len(test.Given))
	for i, g := range test.Given {
		var err error
		if queries[i], err = u.input(ctx, i, g); err != nil {
			return nil, err
		}
	}
	rendered, err := u.b.g.RenderUnit(ctx, u.n, queries, u.b.binder)
	if err != nil {
		return nil, err
	}
	u.b.r.warn(rendered.Warnings...)
	if u.actual, err = u.c.Describe(ctx, rendered.SQL); err != nil {
		return rendered, u.explain(ctx, rendered, err)
	}
	return rendered, nil
}

// input is a given input as a query.
func (u *unitRun) input(ctx context.Context, i int, g compile.Given) (string, error) {
	switch {
	case g.Rows.Seed:
		rendered, file, err := u.b.r.renderSeed(g.Input)
		if err != nil {
			return "", err
		}
		if len(file.more) > 0 {
			return "", &diag.Error{Pos: diag.Pos{File: file.name}, Msg: "the file is too long to be a unit test's input on this engine: its rows must fit into one statement",
				Advice: "give the unit test a fixture with the rows that it needs"}
		}
		return rendered.SQL, nil
	case g.Rows.SQL != "":
		return u.b.g.RenderFixture(ctx, u.n, g.Rows.SQL, u.b.binder)
	}
	shape := u.b.shapes.of(ctx, u.b, u.c, g.Input)
	rows, err := u.rows(&g.Rows, shape, g.Input.Name)
	u.inputs[i] = rows
	return rows.query(), err
}

// rows gives a fixture's columns their types: those of a known shape, whose
// other columns are NULL; else inferred ones.
func (u *unitRun) rows(f *compile.Fixture, s shape, of string) (unitRows, error) {
	out := unitRows{fixture: f}
	if !s.complete {
		for i, name := range f.Columns {
			typ := s.types[strings.ToLower(name)]
			if typ == "" {
				typ = inferType(f, i, u.b.dialect().Types())
			}
			out.columns, out.cells = append(out.columns, engine.Column{Name: name, Type: typ}), append(out.cells, i)
		}
		if len(out.columns) == 0 {
			return out, &diag.Error{Pos: f.Pos, Msg: fmt.Sprintf("the columns of %s are not known", of),
				Advice: "give it a row, or describe its columns with data_type in YAML"}
		}
		return out, nil
	}
	var names []string
	for _, col := range s.columns {
		names = append(names, col.Name)
		at := slices.IndexFunc(f.Columns, func(name string) bool { return strings.EqualFold(name, col.Name) })
		out.columns, out.cells = append(out.columns, col), append(out.cells, at)
	}
	for _, name := range f.Columns {
		if !slices.ContainsFunc(names, func(c string) bool { return strings.EqualFold(c, name) }) {
			return out, u.noColumn(f, name, of, names)
		}
	}
	return out, nil
}

func (u *unitRun) noColumn(f *compile.Fixture, name, of string, known []string) error {
	row := slices.Index(f.Columns, name)
	at := slices.IndexFunc(f.Rows, func(r []any) bool { return row < len(r) && r[row] != nil })
	e := &diag.Error{Pos: f.Place(max(0, at)), Msg: fmt.Sprintf("%s has no column %s", of, name),
		Advice: "its columns are " + strings.Join(known, ", ")}
	if near := diag.Nearest(name, known); near != "" {
		e.Msg += fmt.Sprintf("; did you mean %s?", near)
	}
	return e
}

// compare runs the model and the expected rows, both as multisets over the
// columns that are expected, and tells the rows that differ.
func (u *unitRun) compare(ctx context.Context, rendered *compile.Rendered, res *datatest.Result) error {
	expect := &u.n.Unit.Expect
	columns, expected, err := u.expected(ctx, expect)
	if err != nil {
		return err
	}
	types := u.b.dialect().Types()
	names := make([]string, len(columns))
	for i, col := range columns {
		names[i] = engine.Ident(col.Name)
	}
	list := strings.Join(names, ", ")
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = fmt.Sprintf("CAST(%s AS %s)", name, types.Text)
	}
	q := fmt.Sprintf(`SELECT CAST(sum(wanted_rows) AS %[1]s) AS w, CAST(sum(actual_rows) AS %[1]s) AS a, %[2]s FROM (
SELECT 1 AS wanted_rows, 0 AS actual_rows, %[3]s FROM (
%[4]s
) AS expected
UNION ALL
SELECT 0, 1, %[3]s FROM (
%[5]s
) AS actual
) AS both_sides GROUP BY %[3]s HAVING sum(wanted_rows) <> sum(actual_rows) ORDER BY %[3]s LIMIT %[6]d`,
		types.Int, strings.Join(texts, ", "), list, expected.sql, rendered.SQL, mostDifferent)
	different, err := u.differences(ctx, q, len(columns))
	if err != nil {
		if bad := u.badCell(ctx, expected.rows); bad != nil {
			return bad
		}
		return u.explain(ctx, nil, err)
	}
	res.Status = datatest.Pass
	if len(different) == 0 {
		return nil
	}
	var heads []string
	for _, col := range columns {
		heads = append(heads, col.Name)
	}
	res.Status = datatest.Fail
	res.Columns, res.Rows = sideBySide(heads, different)
	res.Failures = int64(len(res.Rows))
	return nil
}

// mostDifferent bounds the different rows that are fetched.
const mostDifferent = 500

// expectation is the expected rows as a query; rows is what it was written of.
type expectation struct {
	sql  string
	rows unitRows
}

// expected returns the columns that are compared, in the types of the model's
// SELECT, and the expected rows.
func (u *unitRun) expected(ctx context.Context, f *compile.Fixture) ([]engine.Column, expectation, error) {
	byName, names := map[string]engine.Column{}, []string{}
	for _, col := range u.actual {
		byName[strings.ToLower(col.Name)] = col
		names = append(names, col.Name)
	}
	model := u.n.Unit.Model.Name
	if f.SQL != "" {
		sql, err := u.b.g.RenderFixture(ctx, u.n, f.SQL, u.b.binder)
		if err != nil {
			return nil, expectation{}, err
		}
		found, err := u.c.Describe(ctx, sql)
		if err != nil {
			return nil, expectation{}, &diag.Error{Pos: f.Pos, Msg: fmt.Sprintf("the SQL of expect: %s", err), Err: err}
		}
		var columns []engine.Column
		var casts []string
		for _, col := range found {
			is, ok := byName[strings.ToLower(col.Name)]
			if !ok {
				return nil, expectation{}, u.noColumn(f, col.Name, model, names)
			}
			columns = append(columns, is)
			casts = append(casts, fmt.Sprintf("CAST(%s AS %s) AS %s", engine.Ident(col.Name), is.Type, engine.Ident(is.Name)))
		}
		return columns, expectation{sql: fmt.Sprintf("SELECT %s FROM (\n%s\n) AS written", strings.Join(casts, ", "), sql)}, nil
	}
	columns := u.actual
	if len(f.Columns) > 0 {
		columns = nil
		for _, name := range f.Columns {
			col, ok := byName[strings.ToLower(name)]
			if !ok {
				return nil, expectation{}, u.noColumn(f, name, model, names)
			}
			columns = append(columns, col)
		}
	}
	rows, err := u.rows(f, shape{columns: columns, complete: true}, model)
	return columns, expectation{rows.query(), rows}, err
}

// difference is a row that stands on the two sides in different numbers.
type difference struct {
	wanted, actual int64
	cells          []*string
}

func (u *unitRun) differences(ctx context.Context, q string, width int) ([]difference, error) {
	var out []difference
	err := u.c.Each(ctx, q, nil, func(scan func(...any) error) error {
		d := difference{cells: make([]*string, width)}
		dest := []any{&d.wanted, &d.actual}
		for i := range d.cells {
			dest = append(dest, &d.cells[i])
		}
		err := scan(dest...)
		out = append(out, d)
		return err
	})
	return out, err
}

// explain finds the reason of an error: a given value that is not of its type,
// a `this` that was not given, or the model's own SQL.
func (u *unitRun) explain(ctx context.Context, rendered *compile.Rendered, err error) error {
	var qe *engine.QueryError
	if !errors.As(err, &qe) || qe.Kind == engine.KindCancelled {
		return err
	}
	for _, rows := range u.inputs {
		if bad := u.badCell(ctx, rows); bad != nil {
			return bad
		}
	}
	m := u.n.Unit.Model
	if rendered == nil { // it ran: the place in the whole statement says nothing
		return &diag.Error{Pos: diag.Pos{File: m.File}, Msg: qe.Error(), Advice: qe.Hint(), Err: err}
	}
	err = placed(err, m, rendered)
	var d *diag.Error
	given := slices.ContainsFunc(u.n.Unit.Given, func(g compile.Given) bool { return g.This })
	if rendered.This && !given && errors.As(err, &d) && strings.Contains(d.Msg, "__dbt__cte__"+m.Name) {
		told := *d
		told.Msg = fmt.Sprintf("unit test %s gives no rows for this", u.n.Name)
		told.Advice = fmt.Sprintf("add - input: this with its rows under given (%s), or overrides: {macros: {is_incremental: false}}", u.n.Pos)
		return &told
	}
	return err
}

// badCell finds a value of a fixture that is not of its column's type; nil if
// there is none.
func (u *unitRun) badCell(ctx context.Context, rows unitRows) error {
	for i, col := range rows.columns {
		q := rows.badQuery(i)
		if q == "" {
			continue
		}
		var n int64
		var value string
		if u.c.QueryRow(ctx, q, nil, &n, &value) == nil {
			return &diag.Error{Pos: rows.fixture.Place(int(n)), Msg: fmt.Sprintf("%s is %q, which is no %s", col.Name, value, col.Type),
				Advice: "correct the value"}
		}
	}
	return nil
}
