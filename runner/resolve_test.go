package runner_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"warehouse/runner/history"
)

func TestResolve(t *testing.T) {
	g := openTarget(t)
	pub := func(seq int64, marts ...string) string { return fmt.Sprintf("p%d %s", seq, strings.Join(marts, " ")) }
	_, err := g.reg.Resolve(g.ctx, g.c, "latest")
	if !isSpecError(err, "nothing is published yet") {
		t.Errorf("latest of nothing: %v", err)
	}
	g.build(1, history.Success, "a", "b")
	g.build(2, history.Success, "a")
	g.build(3, history.Failed, "b")
	_, err = g.rollback()
	g.must(err)
	afterRollback := g.at
	g.begin(4)
	g.must(g.reg.RecordModels(g.ctx, g.c, []history.ModelRecord{record(id(4), "a")}))
	g.must(g.reg.SetTag(g.ctx, g.c, history.Tag{Name: "base", RunID: id(2), Publication: 2}))
	g.must(g.reg.SetTag(g.ctx, g.c, history.Tag{Name: "bad", RunID: id(3)}))
	g.must(g.reg.SetTag(g.ctx, g.c, history.Tag{Name: "000002", RunID: id(1)}))
	g.must(g.reg.SetTag(g.ctx, g.c, history.Tag{Name: "2026-11", RunID: id(1)}))
	other := uuid.NewString()
	run := history.Run{ID: other, StartedAt: g.now()}
	g.must(g.reg.Begin(g.ctx, g.c, &run))
	flat := strings.ReplaceAll(id(2), "-", "")
	day := func(d time.Duration) string { return "@" + g.at.Add(d).Format("2006-01-02") }

	for _, tc := range []struct{ spec, want string }{
		{"latest", pub(3, "a=1 b=1")},
		{"latest~0", pub(3, "a=1 b=1")},
		{"previous", pub(2, "a=2 b=1")},
		{"latest~1", pub(2, "a=2 b=1")},
		{"latest~2", pub(1, "a=1 b=1")},
		{"latest~3", "error: there are only 3 publications"},
		{"r1", "r1 a=1 b=1"},
		{"R2", "r2 a=2 b=1"},
		{"r3", "r3 a=2 b=3"}, // failed: its base was publication 2
		{"r4", "r4 a=4 b=1"}, // running
		{"r9", "error: no run has that number"},
		{id(2), "r2 a=2 b=1"},
		{strings.ToUpper(id(2)), "r2 a=2 b=1"},
		{flat, "r2 a=2 b=1"},
		{"01900000-0002", "r2 a=2 b=1"},
		{"01900000-0002-", "r2 a=2 b=1"},
		{"019000000002", "r2 a=2 b=1"},
		{"00000003", "r3 a=2 b=3"},
		{other[:13], "r5"},
		{other[len(other)-8:], "r5"},
		{"01900000", "error: more than one run is meant"},
		{"000002", "error: more than one run is meant"}, // a tag and the end of an id
		{"tag:000002", "r1 a=1 b=1"},
		{"2026-11", "r1 a=1 b=1"},
		{"00002", "error: at least 6 digits"},
		{id(77), "error: no tag and no run of that name"},
		{"base", pub(2, "a=2 b=1")},
		{"tag:base", pub(2, "a=2 b=1")},
		{"bad", "r3 a=2 b=3"},
		{"tag:r1", "error: no tag of that name"},
		{"bass", "error: no tag and no run"},
		{"latst", "error: no tag and no run"},
		{day(0), pub(3, "a=1 b=1")},
		{"@2999-01-01", pub(3, "a=1 b=1")},
		{"@2999-01-01T09:00", pub(3, "a=1 b=1")},
		{day(-24 * time.Hour), "error: nothing was published yet"},
		{"@" + afterRollback.Format(time.RFC3339Nano), pub(3, "a=1 b=1")},
	} {
		got, err := g.reg.Resolve(g.ctx, g.c, tc.spec)
		if want, isErr := strings.CutPrefix(tc.want, "error: "); isErr {
			if !isSpecError(err, want) {
				t.Errorf("%s: %v, want the error %q", tc.spec, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.spec, err)
			continue
		}
		if s := g.show(got); s != tc.want {
			t.Errorf("%s: got %s, want %s", tc.spec, s, tc.want)
		}
	}
	_, err = g.reg.Resolve(g.ctx, g.c, "000002")
	if !strings.Contains(err.Error(), "tag:000002") || !strings.Contains(err.Error(), id(2)+"  r2") {
		t.Errorf("candidates: %v", err)
	}
	_, err = g.reg.Resolve(g.ctx, g.c, "bass")
	if !strings.Contains(err.Error(), "tag:base") {
		t.Errorf("candidates: %v", err)
	}
}

// show prints a snapshot: publication or run, then marts with the last digit
// of their run.
func (g *target) show(s history.Snapshot) string {
	out := fmt.Sprintf("p%d", s.Publication)
	if s.Publication == 0 {
		run, err := g.reg.Run(g.ctx, g.c, s.Run)
		g.must(err)
		out = fmt.Sprintf("r%d", run.Seq)
	}
	for _, m := range slices.Sorted(maps.Keys(s.Marts)) {
		out += " " + m + "=" + strings.TrimLeft(s.Marts[m][24:], "0")
	}
	return out
}

func isSpecError(err error, msg string) bool {
	var e *history.SpecError
	return errors.As(err, &e) && strings.Contains(err.Error(), msg)
}

// What was published at a time is found by the log's own order, between any two
// entries, whatever zone the time is written in.
func TestResolveTime(t *testing.T) {
	g := openTarget(t)
	var at []time.Time
	for n := 1; n <= 3; n++ {
		g.build(n, history.Success, "a")
		p, err := g.reg.Publications(g.ctx, g.c, 1)
		g.must(err)
		at = append(at, p[0].At)
	}
	zone := time.FixedZone("", 13*3600)
	for i, moment := range at {
		for _, tc := range []struct {
			when time.Time
			want int
		}{{moment, i + 1}, {moment.Add(-time.Microsecond), i}, {moment.Add(time.Microsecond), i + 1}} {
			for _, spec := range []string{
				"@" + tc.when.Format("2006-01-02T15:04:05.999999"),
				"@" + tc.when.Format(time.RFC3339Nano),
				"@" + tc.when.In(zone).Format(time.RFC3339Nano),
			} {
				s, err := g.reg.Resolve(g.ctx, g.c, spec)
				if tc.want == 0 {
					if !isSpecError(err, "nothing was published yet") {
						t.Errorf("%s: %v", spec, err)
					}
				} else if err != nil || s.Run != id(tc.want) {
					t.Errorf("%s: got %s, %v, want run %d", spec, s.Run, err, tc.want)
				}
			}
		}
	}
}

// The SQL macro and the Go function name the same run for each mart.
func TestResolveRunIDAgrees(t *testing.T) {
	g := openTarget(t)
	agree := func() {
		t.Helper()
		s, err := g.reg.Resolve(g.ctx, g.c, "latest")
		g.must(err)
		for _, m := range []string{"a", "b", "it's", "nope"} {
			got, err := g.tryText("SELECT resolve_run_id(?)", m)
			want, ok := s.Marts[m]
			if !ok {
				if err == nil || !strings.Contains(err.Error(), "no mart "+m+" is published") {
					t.Errorf("resolve_run_id(%s) = %s, %v", m, got, err)
				}
			} else if err != nil || got != want {
				t.Errorf("resolve_run_id(%s) = %s, %v, want %s", m, got, err, want)
			}
			named, err := g.tryText("SELECT main.resolve_run_id(mart := ?)", m)
			if ok && (err != nil || named != want) {
				t.Errorf("resolve_run_id(mart := %s) = %s, %v", m, named, err)
			}
		}
	}
	g.build(1, history.Success, "a", "b", "it's")
	agree()
	g.build(2, history.Success, "a")
	agree()
	_, err := g.rollback()
	g.must(err)
	agree()
	g.build(3, history.Failed, "a", "nope")
	agree()
	seq, err := g.reg.Publish(g.ctx, g.c, history.Publication{Action: history.Publish, RunID: id(2)}, map[string]string{"a": id(2)})
	g.must(err)
	agree() // b is in no publication any more
	g.attach(g.path)
	agree()
	if seq != 4 {
		t.Errorf("seq %d", seq)
	}
}
