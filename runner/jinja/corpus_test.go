package jinja

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "render the corpus with Jinja2 and keep what it says")

// goldenCase is a template with what Jinja2 made of it.
type goldenCase struct {
	T     string            `json:"t"`
	Files map[string]string `json:"files,omitempty"`
	Out   *string           `json:"out,omitempty"`
	Err   *string           `json:"err,omitempty"`
}

// corpusContext is CONTEXT of testdata/render.py.
const corpusContext = `{"cols": ["a", "b", "c"], "n": 3, "f": 2.5, "s": "Hello World", "d": {"k1": 1, "k2": 2}, "none_": null, "yes": true,
 "nums": [3, 1, 2], "mixed": [1, "a", null, 2.5, true],
 "objs": [{"name": "x", "n": 1, "g": "g1", "flag": true}, {"name": "y", "n": 2, "g": "g2", "flag": false}, {"name": "z", "n": 3, "g": "g1", "flag": true}],
 "tree": [{"name": "r", "children": [{"name": "c1", "children": []}, {"name": "c2", "children": []}]}, {"name": "s", "children": []}]}`

func corpusGlobals(t testing.TB) MapScope {
	v, err := ParseJSON(corpusContext)
	if err != nil {
		t.Fatal(err)
	}
	m := MapScope{}
	for _, it := range v.(*Dict).Items() {
		m[Str(it.Key)] = it.Value
	}
	fns := Functions()
	m["D"] = fakeFunc("D", []string{"text"}, func(_ *Call, a []Value) (Value, error) {
		return orNil(ParseDecimal(Str(a[0])))
	})
	m["set"], m["zip"], m["modules"] = fns["set"], fns["zip"], Modules()
	return m
}

// python returns an interpreter (python3, or WAREHOUSE_PYTHON) that has Jinja2
// 3.1.6, and other modules that are asked for, or why there is none.
func python(modules ...string) (path, why string) {
	path = os.Getenv("WAREHOUSE_PYTHON")
	if path == "" {
		path = "python3"
	}
	modules = append([]string{"jinja2"}, modules...)
	out, err := exec.Command(path, "-c", "import "+strings.Join(modules, ", ")+"; print(jinja2.__version__)").Output()
	if err != nil {
		return "", "no " + path + " with " + strings.Join(modules, " and ") + ": " + err.Error()
	}
	if v := strings.TrimSpace(string(out)); v != "3.1.6" {
		return "", "jinja2 is version " + v + ", not 3.1.6"
	}
	return path, ""
}

// renderPython renders cases with Jinja2.
func renderPython(t testing.TB, cases []goldenCase, modules ...string) []goldenCase {
	t.Helper()
	path, why := python(modules...)
	if why != "" {
		t.Skip(why)
	}
	in, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "testdata/render.py")
	cmd.Stdin = bytes.NewReader(in)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	var results []goldenCase
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatal(err)
	}
	for i := range results {
		results[i].T, results[i].Files = cases[i].T, cases[i].Files
	}
	return results
}

var anAddress = regexp.MustCompile(`(?i)0x[0-9a-f]{6,}`)

// renderHere renders a template as the corpus wants it.
func renderHere(t testing.TB, src string, files map[string]string) (string, error) {
	tmpl, err := Parse("t.sql", src)
	if err != nil {
		return "", err
	}
	d := &fakeDBT{files: files}
	out, err := tmpl.Render(context.Background(), Options{Globals: corpusGlobals(t), Loader: d.load})
	return out.Text, err
}

// compareCase fails the test if we and Jinja2 differ.
func compareCase(t *testing.T, c goldenCase) {
	t.Helper()
	got, err := renderHere(t, c.T, c.Files)
	switch {
	case err != nil && strings.Contains(err.Error(), "internal error"):
		t.Errorf("%s\n %v", c.T, err)
	case c.Err != nil && err == nil:
		t.Errorf("%s\n rendered %q\n Jinja2 fails: %s", c.T, got, *c.Err)
	case c.Err == nil && err != nil:
		t.Errorf("%s\n failed: %v\n Jinja2: %q", c.T, err, *c.Out)
	case c.Err == nil:
		got, want := anAddress.ReplaceAllString(got, "0x…"), anAddress.ReplaceAllString(*c.Out, "0x…")
		if got != want {
			t.Errorf("%s\n    got %q\n Jinja2 %q", c.T, got, want)
		}
	}
}

// TestCorpus renders testdata/corpus.txt and compares with what Jinja2 made of
// it (testdata/golden.json, written by -update).
func TestCorpus(t *testing.T) {
	templates := readCorpus(t)
	golden := filepath.Join("testdata", "golden.json")
	if *update {
		cases := make([]goldenCase, len(templates))
		for i, s := range templates {
			cases[i].T = s
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		b.WriteString("[\n")
		for i, c := range renderPython(t, cases, "pytz") {
			if i > 0 {
				b.WriteString(",")
			}
			if err := e.Encode(c); err != nil {
				t.Fatal(err)
			}
		}
		b.WriteString("]\n")
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var cases []goldenCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, c := range cases {
		known[c.T] = true
		compareCase(t, c)
	}
	for _, s := range templates {
		if !known[s] {
			t.Errorf("not in golden.json, run with -update: %s", s)
		}
	}
}

// readCorpus reads templates, each one a line in which \n is a line break;
// blank lines and those that start with two slashes are for the reader.
func readCorpus(t testing.TB) []string {
	data, err := os.ReadFile(filepath.Join("testdata", "corpus.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, line := range strings.Split(string(data), "\n") {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "//") {
			continue
		}
		out = append(out, strings.ReplaceAll(line, `\n`, "\n"))
	}
	return out
}
