package project

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"warehouse/runner/jinja"
)

const shop = "-- project.yml --\nname: shop\n"

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// errorsOf are the errors of a project folder, one a line.
func errorsOf(t testing.TB, dir string) string {
	t.Helper()
	_, err := Load(t.Context(), Options{Dir: dir, LookupEnv: env})
	if err == nil {
		return ""
	}
	return err.Error() + "\n"
}

func TestFilesFromWindowsEditors(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "project.yml", "\ufeffname: shop\r\nvars: {a: 1}\r\n")
	write(t, dir, "models/schema.yml", "\ufeffversion: 2\r\nmodels:\r\n  - name: orders\r\n    columns:\r\n      - name: id\r\n        data_tests:\r\n          - unique\r\n")
	write(t, dir, "models/orders.sql", "\ufeff-- a note\r\nselect 1 as id\r\n")
	p, err := Load(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	m := p.Models[0]
	if m.YAML == nil || len(m.YAML.Columns) != 1 || m.YAML.Columns[0].Tests[0].Test != "unique" {
		t.Errorf("the entry is %+v", m.YAML)
	}
	if !strings.HasPrefix(m.Source, "-- a note") {
		t.Errorf("the byte order mark is still there: %q", m.Source)
	}
	if got := m.YAML.Columns[0].Tests[0].Pos.String(); got != "models/schema.yml:7:13" {
		t.Errorf("the data test is at %s", got)
	}
	if got := p.VarPos["a"].String(); got != "project.yml:2:8" {
		t.Errorf("the variable is at %s", got)
	}
}

func TestFilesThatAreNoText(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "project.yml", "name: shop\n")
	write(t, dir, "models/latin.sql", "select 1\nselect 'caf\xe9'\n")
	write(t, dir, "models/latin.yml", "models:\n  - name: caf\xe9\n")
	write(t, dir, "models/control.yml", "models:\n  - name: a\x01b\n")
	write(t, dir, "models/escape.yml", "models:\n  - name: \"a\\x01b\"\n")
	write(t, dir, "models/utf16.yml", "\xff\xfem\x00")
	write(t, dir, "models/tab.yml", "version: 2\nmodels:\n  - name: orders\n    columns:\n\t- name: id\n")
	write(t, dir, "models/tabs.yml", "models:\n  - name: orders\n  \tdescription: x\n")
	want := `models/control.yml:2:12: control character U+0001 in a YAML file
models/escape.yml:2:11: a name must hold no control characters
models/latin.sql:2:12: not UTF-8: byte 0xE9
models/latin.yml:2:14: not UTF-8: byte 0xE9
models/tab.yml:5:1: a tab is used as indentation; YAML allows only spaces
models/tabs.yml:3:3: a tab is used as indentation; YAML allows only spaces
models/utf16.yml:1:1: not UTF-8: byte 0xFF
`
	if got := errorsOf(t, dir); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

// A tab where YAML allows it is no error.
func TestTabsThatAreFine(t *testing.T) {
	p := mustLoad(t, shop+"-- models/s.yml --\nmodels:\n  - name: a\t# note\n    description: |\n      x\n      \ty\n-- models/a.sql --\n\tselect 1\n", Options{})
	if got := p.Models[0].YAML.Description; got != "x\n\ty\n" {
		t.Errorf("%q", got)
	}
}

func TestNothingOutsideOfTheFolderIsRead(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	write(t, outside, "secret.sql", "select 'secret'")
	write(t, dir, "project.yml", "name: shop\n")
	write(t, dir, "shared/inside.sql", "select 1")
	write(t, dir, "models/.hidden.sql", "{{ broken")
	write(t, dir, "models/.git/x.sql", "{{ broken")
	for link, to := range map[string]string{
		"models/out.sql": filepath.Join(outside, "secret.sql"), "models/up.sql": "../../x.sql", "models/folder": outside,
		"models/in.sql": "../shared/inside.sql", "models/infolder": "../shared", "models/gone.sql": "nowhere.sql",
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	p, err := Load(t.Context(), Options{Dir: dir})
	if err == nil || p == nil {
		t.Fatal("no error")
	}
	var names []string
	for _, m := range p.Models {
		names = append(names, m.File)
		if strings.Contains(m.Source, "secret") {
			t.Errorf("%s was read from outside", m.File)
		}
	}
	if got := fmt.Sprint(names); got != "[models/in.sql models/infolder/inside.sql]" {
		t.Errorf("models %s", got)
	}
	for _, want := range []string{"models/out.sql: leads out", "models/up.sql: leads out", "models/folder: leads out", "models/gone.sql: can not be read"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
}

func TestLinkThatGoesRound(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "project.yml", "name: shop\n")
	write(t, dir, "models/a.sql", "select 1")
	if err := os.Symlink(".", filepath.Join(dir, "models/again")); err != nil {
		t.Skip(err)
	}
	if got := errorsOf(t, dir); !strings.Contains(got, "models/again: is a link to a folder that it is in") {
		t.Errorf("got %s", got)
	}
}

func TestNoProject(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "nowhere")} {
		for _, load := range []func(context.Context, Options) (*Project, error){Load, LoadTarget} {
			if _, err := load(t.Context(), Options{Dir: dir}); !errors.Is(err, ErrNoProject) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%s: %v", dir, err)
			}
		}
	}
}

// Commands that need the target alone work in a project that is broken.
func TestTargetOfABrokenProject(t *testing.T) {
	dir := unpack(t, txtar.Parse([]byte("-- project.yml --\nname: shop\nmodles: {}\nmodels: {+x: 1}\n-- models/a.sql --\n{{\n-- models/a.yml --\n[\n")))
	p, err := LoadTarget(t.Context(), Options{Dir: dir})
	if err != nil || p.Target.Path != filepath.Join(dir, "target", "warehouse.duckdb") || p.Models != nil {
		t.Errorf("%+v %v", p, err)
	}
	p, err = Load(t.Context(), Options{Dir: dir})
	if err == nil || p == nil || p.Target.Name != "dev" || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("%+v\n%v", p, err)
	}
}

func TestChoiceOfTarget(t *testing.T) {
	text := "-- project.yml --\nname: shop\ntarget: b\ntargets:\n  a: {type: duckdb, path: a.db, threads: 2}\n  b: {type: duckdb, path: /x/b.db, schema: s, latest_schema: l}\n"
	for _, c := range []struct{ flag, want string }{{"", "b /x/b.db s l"}, {"a", "a $DIR/a.db main latest"}, {"c", `unknown target "c"; did you mean "a"?`}} {
		dir := unpack(t, txtar.Parse([]byte(text)))
		p, err := LoadTarget(t.Context(), Options{Dir: dir, Target: c.flag})
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(p.Target.Name, " ", strings.ReplaceAll(p.Target.Path, dir, "$DIR"), " ", p.Target.StorageSchema, " ", p.Target.LatestSchema)
		}
		if !strings.HasSuffix(got, c.want) {
			t.Errorf("--target %q: %s, want %s", c.flag, got, c.want)
		}
	}
}

func TestVarsOfTheCommandLineWin(t *testing.T) {
	vars, err := ParseVars("{limit: 5, flag: yes, list: [1, a], new: '1'}")
	if err != nil {
		t.Fatal(err)
	}
	p := mustLoad(t, "-- project.yml --\nname: shop\nvars: {limit: 0, flag: false, empty: '', shop: {limit: 3}, kept: 1}\nmodels: {+enabled: \"{{ var('flag') }}\"}\n-- models/a.sql --\nselect 1\n",
		Options{Vars: vars})
	for name, want := range map[string]string{"limit": "5", "flag": "True", "list": "[1, 'a']", "new": "'1'", "empty": "''", "kept": "1"} {
		if got := jinja.Repr(p.Vars[name]); got != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
	if got := p.Models[0].Layers[0]["enabled"].Value; got != true {
		t.Errorf("enabled is %v", got)
	}
	for _, bad := range []string{"a", "[1]", "{a: 1", "{a: 1, a: 2}"} {
		if _, err := ParseVars(bad); err == nil {
			t.Errorf("%s is taken as variables", bad)
		}
	}
	if vars, err := ParseVars(""); err != nil || len(vars) != 0 {
		t.Errorf("no text: %v %v", vars, err)
	}
}

func TestKindOfAFileFollowsItsFolder(t *testing.T) {
	p := mustLoad(t, shop+`-- tests/generic.sql --
select 1
-- tests/sub/one.sql --
select 1
-- tests/generic/sub/g.sql --
{% test g(model) %}{% endtest %}
-- tests/fixtures/f.sql --
{{
-- seeds/make.py --
print()
-- seeds/a/codes.csv --
x
-- analyses/x.sql --
{{
-- snapshots/s.sql --
{% snapshot snap %}select 1{% endsnapshot %}
-- macros/readme.txt --
{{
-- models/.hidden.yml --
{{
`, Options{})
	got := fmt.Sprint(len(p.Tests), p.Tests[0].Name, p.Tests[1].FQN, p.Macros[0].File, p.Seeds[0].FQN, len(p.Snapshots), len(p.Warnings))
	if want := "2generic[shop sub one]tests/generic/sub/g.sql[shop a codes] 1 0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTwoModelsOfOneName(t *testing.T) {
	p := mustLoad(t, shop+"-- models/new/events.sql --\nselect 1\n-- models/old/events.sql --\nselect 2\n-- models/s.yml --\nmodels: [{name: events}]\n", Options{})
	if len(p.Models) != 2 || p.Models[0].YAML == nil || p.Models[1].YAML == nil {
		t.Errorf("%+v", p.Models)
	}
}

func TestPathsCanBeChosen(t *testing.T) {
	p := mustLoad(t, `-- project.yml --
name: shop
model-paths: [sql, more/sql]
macro_paths: lib
test-paths: []
target-path: sql/out
-- sql/a.sql --
select 1
-- more/sql/sub/b.sql --
select 1
-- models/no.sql --
{{
-- tests/no.sql --
{{
-- sql/out/compiled.sql --
{{
-- lib/m.sql --
{% macro m() %}{% endmacro %}
`, Options{})
	got := ""
	for _, m := range p.Models {
		got += fmt.Sprint(m.File, m.FQN, " ")
	}
	if want := "more/sql/sub/b.sql[shop sub b] sql/a.sql[shop a] "; got != want || len(p.Macros) != 1 {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The digest changes with any file, and with nothing else.
func TestDigest(t *testing.T) {
	base := shop + "-- models/a.sql --\nselect 1\n"
	one, two := mustLoad(t, base, Options{}), mustLoad(t, base, Options{})
	if one.SHA256 != two.SHA256 || len(one.SHA256) != 64 {
		t.Errorf("%s and %s", one.SHA256, two.SHA256)
	}
	for _, other := range []string{strings.Replace(base, "select 1", "select 2", 1), base + "-- models/b.sql --\n", strings.Replace(base, "a.sql", "b.sql", 1),
		strings.Replace(base, "name: shop", "name:  shop", 1)} {
		if mustLoad(t, other, Options{}).SHA256 == one.SHA256 {
			t.Errorf("same digest for\n%s", other)
		}
	}
}

// Aliases that double each other must not fill the memory.
func TestAliasesThatGrow(t *testing.T) {
	var b strings.Builder
	b.WriteString("models:\n  - name: a\n    meta:\n      x0: &x0 [1, 2, 3]\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&b, "      x%d: &x%d [*x%d, *x%d, *x%d]\n", i, i, i-1, i-1, i-1)
	}
	_, err := loadText(t, shop+"-- models/a.sql --\nselect 1\n-- models/a.yml --\n"+b.String(), Options{})
	if err == nil || !strings.Contains(err.Error(), "too large") || strings.Count(err.Error(), "\n") > 2 {
		t.Errorf("%v", err)
	}
	for _, text := range []string{
		shop + "-- models/a.sql --\nselect 1\n-- models/a.yml --\nmodels:\n  - name: a\n    meta: &m {x: [*m]}\n",
		shop + "-- models/a.sql --\nselect 1\n-- models/a.yml --\nmodels:\n  - &m\n    name: a\n    <<: [*m, *m, *m]\n",
		shop + "models: &m {shop: *m, +tags: x}\n",
		shop + "models: &m {a: *m, b: *m}\n",
		shop + "vars: &m {a: *m, b: {<<: [*m, *m]}}\n",
		shop + "models: {+meta: &m {a: *m, b: {<<: [*m, *m]}}}\n",
	} {
		if _, err = loadText(t, text, Options{}); err == nil || !strings.Contains(err.Error(), "too deeply") || strings.Count(err.Error(), "\n") > 3 {
			t.Errorf("%s\n%v", text, err)
		}
	}
}

func TestLoadStopsWhenItIsTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := unpack(t, txtar.Parse([]byte(shop+"-- models/a.sql --\nselect 1\n")))
	if _, err := Load(ctx, Options{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// The errors of many files come in the same order each time.
func TestErrorsAreInOrder(t *testing.T) {
	var b strings.Builder
	b.WriteString(shop)
	for i := range 60 {
		fmt.Fprintf(&b, "-- models/m%02d.sql --\nselect {{ 1 + }}\n-- models/m%02d.yml --\nmodels: [{name: m%02d, descripton: x}]\n", i, i, i)
	}
	first := ""
	for i := range 5 {
		_, err := loadText(t, b.String(), Options{Threads: 1 + i})
		if first == "" {
			first = err.Error()
		}
		if err.Error() != first || strings.Count(first, "\n") != 119 {
			t.Fatalf("%d threads: %v", 1+i, err)
		}
	}
}
