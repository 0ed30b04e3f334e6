package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/quick"
	"time"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

var pidRE = regexp.MustCompile(`"pid":\d+`)

func TestClean(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain", "plain"},
		{"é 日本 😀", "é 日本 😀"},
		{"a\x1b[31mred", `a\x1b[31mred`},
		{"two\nlines\r\t", `two\nlines\r\t`},
		{"\x00\x7f\u0085", `\x00\x7f\x85`},
		{"bad\xff", `bad\xff`},
		{"\u202eevil\u2066\u2028\ufeff", `\u202eevil\u2066\u2028\ufeff`},
	} {
		if got := clean(c.in); got != c.want {
			t.Errorf("clean(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	if got, want := cleanLines("a\r\n\tb\x1b\nc"), "a\n    b\\x1b\nc"; got != want {
		t.Errorf("cleanLines = %q, want %q", got, want)
	}
	safe := func(b []byte) bool {
		return !strings.ContainsFunc(clean(string(b)), func(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 })
	}
	if err := quick.Check(safe, nil); err != nil {
		t.Error(err)
	}
}

func TestWidth(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int
	}{{"abc", 3}, {"日本", 4}, {"é", 1}, {"e\u0301", 1}, {"😀", 2}, {"ｱ", 1}} {
		if got := width(c.in); got != c.want {
			t.Errorf("width(%q) = %d, want %d", c.in, got, c.want)
		}
	}
	for n := -1; n < 12; n++ {
		for _, s := range []string{"", "abc", "日本語日本", "abcdefghijkl"} {
			if got := cut(s, n); width(got) > max(0, n) {
				t.Errorf("cut(%q, %d) = %q is too wide", s, n, got)
			}
		}
	}
}

func TestWords(t *testing.T) {
	var b strings.Builder
	for _, n := range []int64{0, 1, 999, 1000, 12217, 1234567, -5, -1234} {
		fmt.Fprintf(&b, "%s; ", thousands(n))
	}
	for _, d := range []time.Duration{0, 49 * time.Millisecond, 59 * time.Second, 61 * time.Second, 3*time.Hour + 125*time.Second} {
		fmt.Fprintf(&b, "%s; ", seconds(d))
	}
	fmt.Fprintf(&b, "%s; %s", count(1, "mart"), count(int64(12217), "row"))
	want := "0; 1; 999; 1,000; 12,217; 1,234,567; -5; -1,234; 0.00s; 0.05s; 59.00s; 1m01s; 3h02m; 1 mart; 12,217 rows"
	if b.String() != want {
		t.Errorf("got  %s\nwant %s", b.String(), want)
	}
}

func TestOneLine(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"\nselect *\n  from a\n", "select * from a"},
		{"select 'two  spaces',\n\t\"a  b\"", "select 'two  spaces', \"a  b\""},
		{"select 1 -- one\n+ 2", "select 1 + 2"},
		{"select 'a\nb'\n  as x", "select 'a\nb'\n  as x"},
		{"select 'it''s',\n 1", "select 'it''s', 1"},
	} {
		if got := oneLine(c.in); got != c.want {
			t.Errorf("oneLine(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestMask(t *testing.T) {
	m := newMasker([]string{"WAREHOUSE_SECRET_A=s3cret", "DBT_ENV_SECRET_LONG=s3cret-and-more", "WAREHOUSE_SECRET_NONE=", "PLAIN=plain",
		"WAREHOUSE_SECRET_Q=it's \"q\"", "WAREHOUSE_SECRET_N=7", "WAREHOUSE_SECRET_ESC=a\x1bb"})
	for _, c := range []struct{ in, want string }{
		{"x s3cret y", "x {{ env_var('WAREHOUSE_SECRET_A') }} y"},
		{"s3cret-and-more", "{{ env_var('DBT_ENV_SECRET_LONG') }}"},
		{"plain", "plain"},
		{clean("a\x1bb"), "{{ env_var('WAREHOUSE_SECRET_ESC') }}"},
	} {
		if got := m.text(c.in); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.in, got, c.want)
		}
	}
	if got, want := m.command([]string{"build", "--vars", "{k: s3cret}", "it's", "a b", "", "$x'"}),
		`warehouse build --vars "{k: {{ env_var('WAREHOUSE_SECRET_A') }}}" "it's" 'a b' '' '$x'\'''`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	doc := map[string]any{"a": "with s3cret", "n": 777, "q": `say it's "q" now`, "plain": `\"`}
	b, _ := json.Marshal(doc)
	var back map[string]any
	if err := json.Unmarshal(m.json(b), &back); err != nil {
		t.Fatalf("%v in %s", err, m.json(b))
	}
	if back["a"] != "with {{ env_var('WAREHOUSE_SECRET_A') }}" || back["n"] != 777.0 || back["q"] != "say {{ env_var('WAREHOUSE_SECRET_Q') }} now" || back["plain"] != `\"` {
		t.Errorf("got %v", back)
	}
	var out strings.Builder
	if n, err := m.writer(&out).Write([]byte("the s3cret\n")); n != 11 || err != nil || out.String() != "the {{ env_var('WAREHOUSE_SECRET_A') }}\n" {
		t.Errorf("%d, %v, %q", n, err, out.String())
	}
}

func TestErrors(t *testing.T) {
	one := &diag.Error{Pos: diag.Pos{File: "models/a.sql", Line: 3, Col: 15}, Span: 8, Msg: "'ordres' is not a model; did you mean 'orders'?", Source: "from {{ ref('ordres') }}",
		Trace: []diag.Frame{{Pos: diag.Pos{File: "models/b.sql", Line: 1}, What: "macro m"}}}
	two := &diag.Error{Pos: diag.Pos{File: "project.yml", Line: 1, Col: 1}, Msg: "unknown key \x1b", Advice: "remove it"}
	var b strings.Builder
	for _, err := range []error{
		errors.New("plain"),
		diag.Errors{one, two},
		fmt.Errorf("wrapped: %w", one),
		fmt.Errorf("wrapped: %w", diag.Errors{two}),
		errors.Join(errors.New("first"), history.ErrNothingBefore),
		&history.RefusedError{RunID: "x", Op: "publish", Why: []string{"its status is failed"}, Advice: "build again"},
		fmt.Errorf("there: %w", history.ErrNoRegister),
		&history.SpecError{Spec: "latest~", Off: 7, Msg: "a number is missing"},
	} {
		b.WriteString(errorText(err, paint{}) + "\n")
	}
	b.WriteString(warningText(one, paint{on: true}))
	golden(t, "golden/errors.txt", b.String())
}

func TestSpreadWords(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"build --select a b tag:x --fail-fast", "build --select=a --select=b --select=tag:x --fail-fast"},
		{"build --select=a b --exclude c d", "build --select=a --select=b --exclude=c --exclude=d"},
		{"build -s a b -s c", "build -s=a -s=b -s=c"},
		{"ls --resource-type model test --select a", "ls --resource-type=model --resource-type=test --select=a"},
		{"build --select --fail-fast", "build --select"},
		{"build --select", "build --select"},
		{"query x --run r1", "query x --run r1"},
		{"query -- --select a b", "query -- --select a b"},
		{"build --select a=b config.x:1", "build --select=a=b --select=config.x:1"},
		{"", ""},
	} {
		if got := strings.Join(spreadWords(strings.Fields(c.in)), " "); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.in, got, c.want)
		}
	}
}

func TestClosedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	var stderr strings.Builder
	if code := Main([]string{"version"}, Env{Stdout: w, Stderr: &stderr, Now: time.Now, Engines: engines}); code != 0 || stderr.Len() != 0 {
		t.Errorf("code %d, said %q", code, stderr.String())
	}
}

// failingWriter stands for a full disk behind a redirection.
type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestResultThatCannotBeWritten(t *testing.T) {
	var stderr strings.Builder
	if code := Main([]string{"version"}, Env{Stdout: failingWriter{}, Stderr: &stderr, Now: time.Now, Engines: engines}); code != codeFail || !strings.Contains(stderr.String(), "no space left") {
		t.Errorf("code %d, said %q", code, stderr.String())
	}
}

func TestSecondInterruptKills(t *testing.T) {
	signals := make(chan os.Signal, 4)
	exit := make(chan int, 1)
	c := &cli{env: Env{Signals: signals, Exit: func(code int) { exit <- code }}, log: &textSink{w: io.Discard}}
	ctx, stop := c.interruptible(t.Context())
	defer stop()
	signals <- syscall.SIGTERM
	<-ctx.Done()
	if code := c.exitCode(ctx, ctx.Err()); code != 143 {
		t.Errorf("code %d after SIGTERM", code)
	}
	signals <- syscall.SIGTERM // timeout(1) sends to the group as well
	select {
	case code := <-exit:
		t.Fatalf("the echo of the signal killed with %d", code)
	case <-time.After(echo + 50*time.Millisecond):
	}
	signals <- os.Interrupt
	if code := <-exit; code != 130 {
		t.Errorf("code %d", code)
	}
}

// The engine may say that a statement was stopped before the context does; a
// statement that took too long is not the user's stop.
func TestStoppedByTheEngine(t *testing.T) {
	stopped := &engine.QueryError{Kind: engine.KindCancelled, Msg: "Interrupted!"}
	for _, c := range []struct {
		signal bool
		code   int
		want   string
	}{{true, 130, "interrupted"}, {false, codeFail, "Interrupted!"}} {
		signals := make(chan os.Signal, 1)
		var said strings.Builder
		cl := &cli{env: Env{Signals: signals, Exit: func(int) {}}, log: &textSink{w: &said}}
		ctx, stop := cl.interruptible(t.Context())
		if c.signal {
			signals <- os.Interrupt
			<-ctx.Done()
		}
		if code := cl.end(ctx, fmt.Errorf("query: %w", stopped)); code != c.code || !strings.Contains(said.String(), c.want) || strings.Contains(said.String(), "error") == c.signal {
			t.Errorf("signal %t: code %d, said %q", c.signal, code, said.String())
		}
		stop()
	}
}

func TestSparkline(t *testing.T) {
	nan, inf := math.NaN(), math.MaxFloat64
	for _, c := range []struct {
		xs   []float64
		want string
	}{
		{nil, ""},
		{[]float64{0, 1, 2, 3, 4, 5, 6, 7}, "▁▂▃▄▅▆▇█"},
		{[]float64{5, 5, 5}, "▅▅▅"},
		{[]float64{25.86702, 25.867020000000002, 25.86702}, "▅▅▅"},
		{[]float64{0, 1e-12}, "▁█"},
		{[]float64{-1, nan, 1}, "▁ █"},
		{[]float64{nan}, " "},
		{[]float64{-inf, 0, inf}, "▁▅█"},
	} {
		if got := sparkline(c.xs); got != c.want {
			t.Errorf("sparkline(%v) = %q, not %q", c.xs, got, c.want)
		}
	}
}
