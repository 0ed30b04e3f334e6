package main

import (
	"warehouse/runner"
	"warehouse/runner/diff"
)

type diffDoc struct {
	A     string     `json:"a"`
	B     string     `json:"b"`
	Marts []martDoc  `json:"marts"`
	Views []viewsDoc `json:"views"`
}

// martDoc: the counts of a mart that could not be compared are null, and error
// says why.
type martDoc struct {
	Mart         string       `json:"mart"`
	Key          []string     `json:"key"`
	RowsA        *int64       `json:"rows_a"`
	RowsB        *int64       `json:"rows_b"`
	Added        *int64       `json:"added"`
	Removed      *int64       `json:"removed"`
	Changed      *int64       `json:"changed"`
	Unchanged    *int64       `json:"unchanged"`
	Columns      []columnDoc  `json:"columns"`
	RoundingOnly *int64       `json:"rounding_only"`
	ColsAdded    []string     `json:"columns_added"`
	ColsRemoved  []string     `json:"columns_removed"`
	ColsRetyped  []retypedDoc `json:"columns_retyped"`
	RunA         *string      `json:"run_a"`
	RunB         *string      `json:"run_b"`
	Samples      []sampleDoc  `json:"samples"`
	Why          []whyDoc     `json:"why"`
	Notes        []string     `json:"notes"`
	Error        string       `json:"error,omitempty"`
}

type columnDoc struct {
	Name        string     `json:"name"`
	Changed     int64      `json:"changed"`
	NullToValue int64      `json:"null_to_value"`
	ValueToNull int64      `json:"value_to_null"`
	Movers      []moverDoc `json:"movers"`
}

type moverDoc struct {
	Key   []*string `json:"key"`
	Old   string    `json:"old"`
	New   string    `json:"new"`
	Delta string    `json:"delta"`
}

type retypedDoc struct {
	Name string `json:"name"`
	From string `json:"from"`
	To   string `json:"to"`
	As   string `json:"compared_as"`
}

type sampleDoc struct {
	Kind  string    `json:"kind"`
	Key   []*string `json:"key"`
	Count int64     `json:"count"`
	Cells []cellDoc `json:"cells"`
}

type cellDoc struct {
	Column string  `json:"column"`
	Old    *string `json:"old"`
	New    *string `json:"new"`
}

type whyDoc struct {
	Kind    string `json:"kind"`
	Name    string `json:"name,omitempty"`
	Text    string `json:"text"`
	Diff    string `json:"diff,omitempty"`
	Certain bool   `json:"certain"`
}

type viewsDoc struct {
	Name    string `json:"name"`
	Change  string `json:"change"`
	SQLDiff string `json:"diff,omitempty"`
}

func diffJSON(r *runner.DiffReport) diffDoc {
	doc := diffDoc{A: r.A.ID, B: r.B.ID, Marts: []martDoc{}, Views: []viewsDoc{}}
	for i := range r.Marts {
		doc.Marts = append(doc.Marts, martJSON(&r.Marts[i]))
	}
	for _, v := range r.Views {
		doc.Views = append(doc.Views, viewsDoc(v))
	}
	return doc
}

func martJSON(m *runner.MartDiff) martDoc {
	d := martDoc{Mart: m.Mart, Key: some(m.Key), Columns: []columnDoc{}, ColsAdded: some(m.ColumnsAdded), ColsRemoved: some(m.ColumnsRemoved),
		ColsRetyped: []retypedDoc{}, Samples: []sampleDoc{}, Why: []whyDoc{}, Notes: some(m.Notes)}
	if m.A != nil {
		d.RunA = &m.A.ID
	}
	if m.B != nil {
		d.RunB = &m.B.ID
	}
	if m.Refused != nil {
		d.Error = m.Refused.Error()
		return d
	}
	d.RowsA, d.RowsB, d.Added, d.Removed, d.Changed, d.Unchanged, d.RoundingOnly =
		&m.RowsA, &m.RowsB, &m.Added, &m.Removed, &m.Changed, &m.Unchanged, &m.RoundingOnly
	for _, c := range m.Columns {
		col := columnDoc{Name: c.Name, Changed: c.Changed, NullToValue: c.NullToValue, ValueToNull: c.ValueToNull, Movers: []moverDoc{}}
		for _, mv := range c.Movers {
			col.Movers = append(col.Movers, moverDoc(mv))
		}
		d.Columns = append(d.Columns, col)
	}
	for _, c := range m.ColumnsRetyped {
		d.ColsRetyped = append(d.ColsRetyped, retypedDoc(c))
	}
	for _, s := range m.Samples {
		d.Samples = append(d.Samples, sampleJSON(s))
	}
	for _, w := range m.Why {
		d.Why = append(d.Why, whyDoc{string(w.Kind), w.Name, w.Text, w.Diff, w.Certain})
	}
	return d
}

func sampleJSON(s diff.Sample) sampleDoc {
	d := sampleDoc{Kind: s.Kind, Key: some(s.Key), Count: s.Count, Cells: []cellDoc{}}
	for _, c := range s.Cells {
		d.Cells = append(d.Cells, cellDoc(c))
	}
	return d
}
