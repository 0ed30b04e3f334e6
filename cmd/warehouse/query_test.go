package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"warehouse/runner/engine"
)

func TestRowWriters(t *testing.T) {
	columns := []engine.Column{{Name: "id", Type: "BIGINT"}, {Name: "name", Type: "VARCHAR"}, {Name: "id", Type: "DECIMAL(10,2)"}, {Name: "ok", Type: "BOOLEAN"},
		{Name: "j", Type: "JSON"}, {Name: "list", Type: "INTEGER[]"}, {Name: "f", Type: "DOUBLE"}}
	rows := [][]*string{
		{ptr("1"), ptr("plain"), ptr("1.50"), ptr("true"), ptr(`{"a": 1}`), ptr("[1, 2]"), ptr("0.1")},
		{ptr("12217"), ptr("comma, \"quote\"\nline \x1b[31m日本"), ptr("-0.01"), ptr("false"), nil, ptr("[]"), ptr("nan")},
		{nil, ptr(""), nil, nil, ptr("not json"), nil, ptr("inf")},
		{ptr("3"), ptr("NULL"), ptr("3"), nil, ptr("null"), nil, ptr("1e-05")},
	}
	var all strings.Builder
	for _, form := range []string{"text", "json", "csv"} {
		for _, n := range []int{len(rows), 0} {
			var b strings.Builder
			buf := bufio.NewWriter(&b)
			w := newRowWriter(form, buf)
			if err := w.head(columns); err != nil {
				t.Fatal(err)
			}
			for _, row := range rows[:n] {
				if err := w.row(row); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.end(); err != nil {
				t.Fatal(err)
			}
			buf.Flush()
			all.WriteString("== " + form + "\n" + b.String())
			switch form {
			case "json":
				var back []map[string]any
				if err := json.Unmarshal([]byte(b.String()), &back); err != nil || len(back) != n {
					t.Errorf("%d rows, %v", len(back), err)
				}
			case "csv":
				back, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
				if err != nil || len(back) != n+1 {
					t.Errorf("%d records, %v", len(back), err)
				}
				if n > 0 && back[2][1] != *rows[1][1] {
					t.Errorf("%q came back as %q", *rows[1][1], back[2][1])
				}
			}
		}
	}
	golden(t, "golden/rows.txt", all.String())
}

// TestTextRowsStream: rows after the first thousand are printed as they come.
func TestTextRowsStream(t *testing.T) {
	var b strings.Builder
	buf := bufio.NewWriterSize(&b, 16)
	w := &textRows{w: buf}
	_ = w.head([]engine.Column{{Name: "n", Type: "INTEGER"}})
	for range rowsMeasured + 5 {
		if err := w.row([]*string{ptr("1")}); err != nil {
			t.Fatal(err)
		}
	}
	if w.held != nil || b.Len() == 0 {
		t.Error("rows are kept in memory")
	}
	_ = w.end()
	buf.Flush()
	if got := strings.Count(b.String(), "\n"); got != rowsMeasured+5+3 {
		t.Errorf("%d lines", got)
	}
}
