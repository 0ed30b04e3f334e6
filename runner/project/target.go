package project

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
)

// Value is what templates see as target. It holds no secret.
func (t *Target) Value() *jinja.Dict {
	d := jinja.NewDict()
	for _, kv := range []struct {
		k string
		v jinja.Value
	}{
		{"name", t.Name}, {"target_name", t.Name}, {"type", t.Type}, {"schema", t.Schema}, {"threads", int64(t.Threads)},
		{"catalog", t.Catalog}, {"database", t.Catalog}, {"path", t.Path},
	} {
		_ = d.Set(kv.k, kv.v)
	}
	return d
}

var targetKeys = []string{"type", "path", "dsn", "catalog", "schema", "storage_schema", "latest_schema", "threads", "settings", "allow", "staging", "publish"}

// readTargets reads target and targets of project.yml and chooses one.
func (p *Project) readTargets(f *yamlFile, top []pair, o Options) {
	p.Targets = map[string]Target{}
	node := find(top, "targets")
	var names []string
	pairs := f.pairs(node, "targets")
	for _, t := range pairs {
		names = append(names, t.key)
	}
	chosen, at := o.Target, (*yaml.Node)(nil)
	if chosen == "" {
		at = find(top, "target")
		chosen = f.text(at, "target")
	}
	switch {
	case chosen == "" && len(names) <= 1 && !slices.Contains(names, chosen):
		chosen = "dev"
		if len(names) == 1 {
			chosen = names[0]
		}
	case chosen == "":
		e := f.errorf(node, "several targets, and none is chosen")
		e.Advice = "add target: NAME to project.yml, or give --target NAME; names: " + strings.Join(sorted(names), ", ")
		return
	}
	for _, t := range pairs {
		p.Targets[t.key] = f.target(t, t.key == chosen, p.Dir, o)
	}
	t, ok := p.Targets[chosen]
	switch {
	case ok:
		p.Target = t
	case len(names) == 0 && isNullNode(node) && chosen == "dev":
		p.Target = defaultTarget(p.Dir)
		p.Target.Pos = diag.Pos{File: f.name, Line: 1}
		p.Targets[chosen] = p.Target
	default:
		f.unknownTarget(at, chosen, names)
	}
}

// defaultTarget is the target of a project that names none.
func defaultTarget(dir string) Target {
	return Target{Name: "dev", Type: "duckdb", Path: filepath.Join(dir, "target", "warehouse.duckdb"), Schema: "main", StorageSchema: "main", LatestSchema: "latest",
		Settings: map[string]string{}}
}

func (f *yamlFile) unknownTarget(at *yaml.Node, name string, names []string) {
	msg := fmt.Sprintf("unknown target %q", name)
	advice := "targets: " + strings.Join(sorted(names), ", ")
	if near := diag.Nearest(name, names); near != "" {
		msg += fmt.Sprintf("; did you mean %q?", near)
	}
	if len(names) == 0 {
		advice = "add it under targets: in project.yml"
	}
	e := &diag.Error{Pos: diag.Pos{File: f.name}, Msg: msg}
	if at != nil {
		e = f.at(at.Line, at.Column, span(at), "%s", msg)
	}
	e.Advice = advice
	f.errs.Add(e)
}

// target reads one target. Of those that are not chosen, only the structure
// is checked: their variables may be set on another machine.
func (f *yamlFile) target(tp pair, chosen bool, dir string, o Options) Target {
	t := Target{Name: tp.key, Pos: f.pos(tp.k), Settings: map[string]string{}}
	what := fmt.Sprintf("target %q", tp.key)
	if badName(tp.key) {
		f.errorf(tp.k, "a target's name must have letters and no control characters")
	}
	ps := f.known(f.pairs(tp.v, what), what, targetKeys)
	r := &targetReader{f: f, ps: ps, chosen: chosen, lookup: o.LookupEnv}
	t.Type = r.text("type")
	if t.Type == "" && chosen {
		e := f.errorf(tp.k, "%s has no type", what)
		e.Advice = "add type: duckdb, or type: trino"
	}
	t.Path, t.DSN, t.Catalog = r.text("path"), r.secretText("dsn"), r.text("catalog")
	t.Schema, t.StorageSchema, t.LatestSchema = r.text("schema"), r.text("storage_schema"), r.text("latest_schema")
	t.Threads = r.count("threads")
	t.Staging = r.text("staging")
	if t.Staging != "" && t.Staging != "parquet" {
		f.errorf(resolve(find(ps, "staging")), "staging must be parquet, not %q", t.Staging)
	}
	for _, s := range f.pairs(find(ps, "settings"), "settings") {
		if v, ok := r.settingText(s.v); ok {
			t.Settings[s.key] = v
		}
	}
	for _, a := range f.list(find(ps, "allow"), "allow") {
		t.Allow = append(t.Allow, absolute(f.text(a, "a folder of allow"), dir, o.LookupEnv))
	}
	t.Publish = r.publish(dir)
	t.setDefaults(dir, o.LookupEnv)
	if chosen && t.Type == "trino" && t.DSN == "" && find(ps, "dsn") == nil {
		f.errorf(tp.k, "%s has no dsn", what).Advice = "add dsn: https://user@host:port"
	}
	return t
}

func (t *Target) setDefaults(dir string, lookup func(string) (string, bool)) {
	if t.Type == "duckdb" {
		if t.Path == "" {
			t.Path = "target/warehouse.duckdb"
		}
		if t.Schema == "" {
			t.Schema = "main"
		}
	}
	t.Path = absolute(t.Path, dir, lookup)
	if t.StorageSchema == "" {
		t.StorageSchema = t.Schema
	}
	if t.LatestSchema == "" {
		t.LatestSchema = "latest"
	}
}

// absolute makes a path of the file system absolute; others (:memory:, md:x,
// s3://…) stay as they are.
func absolute(path, dir string, lookup func(string) (string, bool)) string {
	switch {
	case path == "" || path[0] == ':' || strings.Contains(path, "://") || strings.HasPrefix(path, "md:"):
		return path
	case strings.HasPrefix(path, "~/"):
		if home, ok := lookup("HOME"); ok {
			return filepath.Join(home, path[2:])
		}
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// targetReader reads a target's fields, in which secrets may stand.
type targetReader struct {
	f      *yamlFile
	ps     []pair
	chosen bool
	lookup func(string) (string, bool)
}

func (r *targetReader) text(key string) string {
	n := resolve(find(r.ps, key))
	if n == nil || !r.chosen && hasJinja(n.Value) {
		return ""
	}
	return r.f.text(n, key)
}

// exportFormats are those of a copy of what is published.
var exportFormats = []string{"duckdb", "parquet", "csv"}

// publish reads what follows a publication.
func (r *targetReader) publish(dir string) Publish {
	f, node := r.f, find(r.ps, "publish")
	if isNullNode(resolve(node)) {
		return Publish{}
	}
	ps := f.known(f.pairs(node, "publish"), "publish", []string{"export", "format", "keep"})
	in := &targetReader{f: f, ps: ps, chosen: r.chosen, lookup: r.lookup}
	p := Publish{Export: in.text("export"), Format: in.text("format"), Keep: time.Hour}
	if p.Format != "" && !slices.Contains(exportFormats, p.Format) {
		f.errorf(resolve(find(ps, "format")), "format must be duckdb, parquet or csv, not %q", p.Format)
	}
	at := resolve(find(ps, "export"))
	switch ext := strings.ToLower(filepath.Ext(p.Export)); {
	case isNullNode(at):
		f.errorf(resolve(node), "publish has no export").Advice = "add export: PATH, the file or folder to keep a copy of the published run in"
	case p.Export == "": // a variable of a target that is not chosen
	case strings.Contains(p.Export, "://"):
		f.errorf(at, "export must be a path on this machine, not %q", p.Export)
	case p.Format == "" && (ext == ".duckdb" || ext == ".db"):
		p.Format = "duckdb"
	case p.Format == "":
		f.errorf(at, "export needs a format").Advice = "add format: duckdb, parquet or csv; a PATH that ends in .duckdb or .db is a DuckDB file"
	}
	if keep := in.text("keep"); keep != "" {
		age, err := ParseAge(keep)
		switch {
		case err != nil:
			f.errorf(resolve(find(ps, "keep")), "keep: %v", err)
		case p.Format == "duckdb":
			f.errorf(resolve(find(ps, "keep")), "keep is for folders: a DuckDB file stays for whoever has it open")
		}
		p.Keep = age
	}
	p.Export = absolute(p.Export, dir, r.lookup)
	return p
}

func (r *targetReader) count(key string) int {
	n := resolve(find(r.ps, key))
	if isNullNode(n) || !r.chosen && hasJinja(n.Value) {
		return 0
	}
	value := r.f.value(n)
	if _, told := value.(broken); told {
		return 0
	}
	v, ok := value.(int64)
	if !ok || v < 1 || v > 1<<20 {
		r.f.errorf(n, "%s must be a whole number from 1", key)
		return 0
	}
	return int(v)
}

func (r *targetReader) secretText(key string) string {
	n := find(r.ps, key)
	if isNullNode(resolve(n)) {
		return ""
	}
	v, _ := r.settingText(n)
	return v
}

// settingText is a scalar as text, as written, with secrets filled in.
func (r *targetReader) settingText(n *yaml.Node) (string, bool) {
	n = resolve(n)
	if n.Kind != yaml.ScalarNode {
		r.f.errorf(n, "a setting must be a single value, not %s", kindOf(n))
		return "", false
	}
	if !hasJinja(n.Value) {
		switch v := r.f.plainScalar(n).(type) {
		case bool:
			return fmt.Sprint(v), true
		case nil:
			return "", false
		}
		return n.Value, true
	}
	if !r.chosen {
		return "", false
	}
	v, err := r.f.render.renderOnce(r.f.name, n.Value, r.f.render.globals)
	if err != nil {
		r.f.errs.Add(r.f.relocate(n, n.Value, err))
		return "", false
	}
	v, err = jinja.ReplaceSecrets(v, func(ref string) (string, error) {
		s, ok := r.lookup(ref)
		if !ok {
			return "", fmt.Errorf("environment variable %s is not set", ref)
		}
		return s, nil
	})
	if err != nil {
		r.f.errorf(n, "%v", err)
		return "", false
	}
	return v, true
}

// badName reports whether a name is empty or holds control characters.
func badName(s string) bool {
	return strings.TrimSpace(s) == "" || strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 })
}

// usedSecrets returns what secret variables the renderer gave out.
func (r *renderer) usedSecrets() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.secrets)
}

// Database is the database's name as people see it: Trino's catalog, or DuckDB's
// file without its ending.
func (t Target) Database() string {
	switch {
	case t.Catalog != "":
		return t.Catalog
	case t.Path != "":
		base := filepath.Base(t.Path)
		return strings.TrimSuffix(base, filepath.Ext(base))
	}
	return "memory"
}
