package project

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
)

// DBTFile is read where there is no project.yml: dbt's own project file, whose
// target stands in a profiles.yml outside of the project.
const DBTFile = "dbt_project.yml"

// dbt reports whether the project is one of dbt's.
func (l *loader) dbt() bool { return l.p.File == DBTFile }

// profilesFile returns the path of profiles.yml and how messages call it.
func (l *loader) profilesFile() (path, shown string, err *diag.Error) {
	var dirs []string
	add := func(dir string, ok bool) bool {
		if ok && dir != "" {
			dirs = append(dirs, dir)
		}
		return ok && dir != ""
	}
	if !add(l.o.ProfilesDir, true) {
		w, okW := l.o.LookupEnv("WAREHOUSE_PROFILES_DIR")
		d, okD := l.o.LookupEnv("DBT_PROFILES_DIR")
		if !add(w, okW) && !add(d, okD) {
			add(l.p.Dir, true)
			home, ok := l.o.LookupEnv("HOME")
			add(filepath.Join(home, ".dbt"), ok)
		}
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, "profiles.yml")
		if _, err := os.Stat(path); err == nil {
			if rel, err := filepath.Rel(l.p.Dir, path); err == nil && filepath.IsLocal(rel) {
				return path, filepath.ToSlash(rel), nil
			}
			return path, filepath.ToSlash(path), nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", "", fileError(path, err)
		}
	}
	return "", "", &diag.Error{Msg: "no profiles.yml in " + strings.Join(dirs, " or "), Pos: Pos{File: l.p.File},
		Advice: "write one, say in WAREHOUSE_PROFILES_DIR where it is, or write a project.yml with targets"}
}

// readProfile reads the target of a dbt project.
func (l *loader) readProfile(cli map[string]jinja.Value) {
	at := find(l.top, "profile")
	name := l.o.Profile
	if name == "" {
		name = l.f.text(at, "profile")
	}
	if name == "" {
		l.f.errs.Add(&diag.Error{Pos: Pos{File: l.p.File, Line: 1}, Msg: "no profile", Advice: "add profile: NAME, the name of a profile in profiles.yml"})
		return
	}
	path, shown, bad := l.profilesFile()
	if bad != nil {
		l.f.errs.Add(bad)
		return
	}
	data, err := os.ReadFile(path)
	if err != nil {
		l.f.errs.Add(fileError(shown, err))
		return
	}
	f, root := parseYAML(shown, data)
	f.render = newRenderer(l.ctx, l.o.LookupEnv, cli, nil)
	defer func() {
		l.errs.Merge(&f.errs)
		l.p.Secrets = f.render.usedSecrets()
	}()
	if root == nil {
		return
	}
	profiles := f.pairs(root, "profiles.yml")
	profile := find(profiles, name)
	if profile == nil {
		e := &diag.Error{Pos: Pos{File: l.p.File}, Msg: fmt.Sprintf("profile %q is not in %s", name, shown)}
		if at != nil && l.o.Profile == "" {
			e = l.f.at(resolve(at).Line, resolve(at).Column, span(resolve(at)), "%s", e.Msg)
		}
		if near := diag.Nearest(name, keysOf(profiles)); near != "" {
			e.Msg += fmt.Sprintf("; did you mean %q?", near)
		}
		f.errs.Add(e)
		return
	}
	l.readOutputs(f, name, f.known(f.pairs(profile, "profile "+name), "profile "+name, []string{"target", "outputs"}))
}

func keysOf(ps []pair) []string {
	keys := make([]string, len(ps))
	for i, p := range ps {
		keys[i] = p.key
	}
	return keys
}

func (l *loader) readOutputs(f *yamlFile, profile string, ps []pair) {
	chosen, at := l.o.Target, (*yaml.Node)(nil)
	if chosen == "" {
		at = resolve(find(ps, "target"))
		if chosen = f.text(at, "target"); chosen == "" {
			chosen = "default"
		}
	}
	outputs := f.pairs(find(ps, "outputs"), "outputs of profile "+profile)
	l.p.Targets = map[string]Target{}
	for _, o := range outputs {
		if o.key != chosen {
			l.p.Targets[o.key] = Target{Name: o.key, Pos: f.pos(o.k)}
			continue
		}
		l.p.Target = f.output(o, l.p.Dir, l.o)
		l.p.Targets[o.key] = l.p.Target
		return
	}
	f.unknownTarget(at, chosen, keysOf(outputs))
}

// output reads the chosen output of a profile.
func (f *yamlFile) output(o pair, dir string, opts Options) Target {
	ps := f.pairs(o.v, "output "+o.key)
	t := Target{Name: o.key, Pos: f.pos(o.k), Settings: map[string]string{}}
	r := &targetReader{f: f, ps: ps, chosen: true, lookup: opts.LookupEnv}
	t.Type, t.Schema, t.Threads = r.text("type"), r.text("schema"), r.count("threads")
	ignored := map[string]bool{}
	for _, p := range ps {
		ignored[p.key] = true
	}
	used := []string{"type", "schema", "threads"}
	switch t.Type {
	case "duckdb":
		used = append(used, "path", "database", "settings", "config_options", "retries", "keep_open", "disable_transactions")
		t.Path = r.text("path")
		for _, key := range []string{"config_options", "settings"} {
			for _, s := range f.pairs(find(ps, key), key) {
				if v, ok := r.settingText(s.v); ok {
					t.Settings[s.key] = v
				}
			}
		}
		if t.Path == "" || t.Path == ":memory:" {
			e := f.errorf(o.k, "output %s keeps nothing (path is :memory:); target/warehouse.duckdb is used instead", o.key)
			e.Warn, t.Path = true, "target/warehouse.duckdb"
		}
		if t.Schema == "" {
			t.Schema = "main"
		}
	case "trino":
		used = append(used, "host", "port", "user", "password", "http_scheme", "method", "catalog", "database", "session_properties", "retries")
		f.trinoOutput(&t, r, o)
	case "":
		f.errorf(o.k, "output %s has no type", o.key).Advice = "add type: duckdb"
	}
	for _, key := range used {
		delete(ignored, key)
	}
	for _, p := range ps {
		if ignored[p.key] && t.Type != "" {
			f.errorf(p.k, "%s of output %s is not supported and is ignored", p.key, o.key).Warn = true
		}
	}
	t.Path = absolute(t.Path, dir, opts.LookupEnv)
	t.StorageSchema, t.LatestSchema = t.Schema+"__runs", t.Schema
	return t
}

func (f *yamlFile) trinoOutput(t *Target, r *targetReader, o pair) {
	t.Catalog = r.text("catalog")
	if t.Catalog == "" {
		t.Catalog = r.text("database")
	}
	u := url.URL{Scheme: r.text("http_scheme"), Host: r.text("host"), User: url.User(r.text("user"))}
	if u.Host == "" {
		f.errorf(o.k, "output %s has no host", o.key)
	}
	if port := r.count("port"); port > 0 {
		u.Host = net.JoinHostPort(u.Host, fmt.Sprint(port))
	}
	password := r.secretText("password")
	if password != "" {
		u.User = url.UserPassword(r.text("user"), password)
	}
	if u.Scheme == "" {
		u.Scheme = map[bool]string{true: "https", false: "http"}[password != ""]
	}
	for _, s := range f.pairs(find(r.ps, "session_properties"), "session_properties") {
		if v, ok := r.settingText(s.v); ok {
			t.Settings[s.key] = v
		}
	}
	t.DSN = u.String()
}
