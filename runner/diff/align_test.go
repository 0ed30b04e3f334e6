package diff

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"warehouse/runner/history"
	"warehouse/runner/mart"
)

func layout(key string, columns ...string) history.Layout {
	l := history.Layout{RunColumn: "run_id"}
	if key != "" {
		l.Key = strings.Split(key, ",")
	}
	for _, c := range columns {
		name, typ, _ := strings.Cut(c, " ")
		l.Columns = append(l.Columns, mart.Column{Name: name, Type: typ, Physical: name})
	}
	return l
}

func TestAlign(t *testing.T) {
	a := layout("", "ID BIGINT", "v INTEGER", "gone DATE")
	b := layout("", "new DATE", "V BIGINT", "id BIGINT")
	both, r := align(a.Columns, b.Columns, Options{})
	got := fmt.Sprint(both[0].name, both[1].name, r.ColumnsAdded, r.ColumnsRemoved, r.ColumnsRetyped)
	if want := "V id[new] [gone] [{V INTEGER BIGINT BIGINT}]"; got != want && got != strings.Replace(want, " id", "id", 1) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCandidates(t *testing.T) {
	for _, c := range []struct{ name, a, b, want string }{
		{"none", "", "", ""},
		{"the same", "id", "id", "id both"},
		{"another case and order", "ID,v", "V,id", "V,id both"},
		{"the run id is no part of it", "run_id,id", "RUN_ID,id", "id both"},
		{"declared later", "", "id", "id b"},
		{"no longer declared", "id", "", "id a"},
		{"changed", "id", "id,v", "id,v b; id a"},
		{"on one side only", "id", "new", "id a; not new"},
	} {
		a, b := layout(c.a, "id BIGINT", "v BIGINT"), layout(c.b, "id BIGINT", "v BIGINT", "new BIGINT")
		both, _ := align(a.Columns, b.Columns, Options{})
		all, notes := candidates(a, b, both)
		var got []string
		for _, cand := range all {
			by := map[[2]bool]string{{true, true}: "both", {true, false}: "a", {false, true}: "b"}[[2]bool{cand.verifiedA, cand.verifiedB}]
			got = append(got, strings.Join(cand.key, ",")+" "+by)
		}
		if len(notes) > 0 {
			got = append(got, "not new")
		}
		if text := strings.Join(got, "; "); text != c.want {
			t.Errorf("%s: got %q, want %q", c.name, text, c.want)
		}
	}
}

func TestUniqueKey(t *testing.T) {
	l := layout("", "id BIGINT", "v BIGINT")
	l.Unique = []string{"id"}
	if got := keyOf(l); len(got) != 1 || got[0] != "id" {
		t.Errorf("the unique_key: %v", got)
	}
	l.Key = []string{"run_id", "v"}
	if got := keyOf(l); len(got) != 1 || got[0] != "v" {
		t.Errorf("the key goes before it: %v", got)
	}
}

func TestChoose(t *testing.T) {
	l := layout("", "id BIGINT", "price BIGINT", "n BIGINT")
	both, _ := align(l.Columns, l.Columns, Options{})
	r := &Result{Mart: "m", Key: []string{"ID"}, ColumnsAdded: []string{"Other", "new"}, ColumnsRetyped: []Retyped{{Name: "n"}}}
	got, err := choose(r, both, []string{"PRICE", "other"})
	if len(r.ColumnsAdded) != 1 || len(r.ColumnsRetyped) != 0 {
		t.Errorf("columns that were not asked for: %+v", r)
	}
	if err != nil || len(got) != 2 || got[0].name != "id" || got[1].name != "price" {
		t.Errorf("got %v, %v", got, err)
	}
	_, err = choose(&Result{}, both, []string{"prise"})
	var e *Error
	if !errors.Is(err, ErrNoColumn) || !errors.As(err, &e) || e.Hint() != "did you mean price?" {
		t.Errorf("got %v", err)
	}
}
