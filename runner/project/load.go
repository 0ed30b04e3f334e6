package project

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
)

// Load reads the whole project. The error is ErrNoProject or diag.Errors with
// everything that is wrong in any file; a Project is returned beside it if
// project.yml and the target could be read.
func Load(ctx context.Context, o Options) (*Project, error) {
	l, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer l.dir.close()
	usable := l.err() == nil || l.p.Target.Name != ""
	files, err := l.readFiles(l.listFiles())
	if err != nil {
		return nil, err
	}
	l.selectors()
	l.packages = l.findPackages()
	for _, pl := range l.packages {
		defer pl.dir.close()
		if pl.files, err = pl.readFiles(pl.listFiles()); err != nil {
			return nil, err
		}
	}
	l.topLevel()
	l.assemble(files)
	err = l.err()
	l.p.Warnings = l.errs.Warnings()
	if !usable {
		return nil, err
	}
	return l.p, err
}

// LoadTarget reads project.yml alone, and of it only what is needed to open
// the target: models may be as broken as they like.
func LoadTarget(ctx context.Context, o Options) (*Project, error) {
	l, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer l.dir.close()
	if err := l.err(); err != nil {
		return nil, err
	}
	l.p.Warnings = l.errs.Warnings()
	return l.p, nil
}

// loader holds a project while it is read.
type loader struct {
	ctx   context.Context
	o     Options
	p     *Project
	dir   *folder
	f     *yamlFile // project.yml
	data  []byte
	top   []pair
	paths paths

	render *renderer // of schema files
	errs   diag.List

	global   map[string]jinja.Value // variables that packages see too
	packages []*loader

	// Of a package.
	prefix  string  // its folder, relative to the project
	fetched bool    // it came from elsewhere: nothing outside of it is read for it
	files   []*file //
	over    *trees  // what the project says of its things
	fatal   []*diag.Error
}

// name is how messages and positions call a file of the folder.
func (l *loader) name(file string) string { return path.Join(l.prefix, file) }

// err moves the errors of project.yml to the others and returns all.
func (l *loader) err() error {
	l.errs.Merge(&l.f.errs)
	l.f.errs = diag.List{}
	return l.errs.Err()
}

// open reads project.yml as far as it says what and where things are. The
// error is about a project.yml that is not there or is no YAML.
func open(ctx context.Context, o Options) (*loader, error) {
	l, err := openFolder(ctx, o)
	if err == nil {
		l.identity()
	}
	return l, err
}

// openFolder reads project.yml as YAML.
func openFolder(ctx context.Context, o Options) (*loader, error) {
	if o.LookupEnv == nil {
		o.LookupEnv = func(string) (string, bool) { return "", false }
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	dir, err := filepath.Abs(cmp.Or(o.Dir, "."))
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, noProject(fmt.Sprintf("no project folder %s", dir), err)
	}
	l := &loader{ctx: ctx, o: o, over: &trees{}, dir: &folder{root: root}, p: &Project{Dir: dir, File: "project.yml", Entries: map[string][]*Entry{}}}
	if err := l.openFile(); err != nil {
		root.Close()
		return nil, err
	}
	return l, nil
}

func (l *loader) openFile() error {
	data, err := l.dir.root.ReadFile(l.p.File)
	if errors.Is(err, fs.ErrNotExist) {
		var dbtErr error
		if data, dbtErr = l.dir.root.ReadFile(DBTFile); !errors.Is(dbtErr, fs.ErrNotExist) {
			l.p.File, err = DBTFile, dbtErr
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return noProject("no project.yml (and no dbt_project.yml) in "+l.p.Dir, nil)
	case err != nil:
		return diag.Errors{fileError(l.name(l.p.File), err)}
	}
	l.data = data
	f, node := parseYAML(l.name(l.p.File), data)
	l.f = f
	if err := f.errs.Err(); err != nil {
		return err
	}
	if node == nil {
		node = &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
	}
	l.top = f.pairs(node, f.name)
	if l.p.File == DBTFile {
		f.dbt = l.prefix == ""
		l.olderNames()
	}
	return f.errs.Err()
}

// olderNames gives the keys of dbt_project.yml that dbt renamed their new names.
func (l *loader) olderNames() {
	for i, t := range l.top {
		name := map[string]string{"source-paths": "model-paths", "data-paths": "seed-paths", "modules-path": "packages-install-path"}[t.key]
		if name == "" || find(l.top, name) != nil {
			continue
		}
		l.top[i].key = name
		e := l.f.errorf(t.k, "%s is called %s now", t.key, name)
		e.Warn, e.Advice = true, "rename it"
	}
}

func noProject(msg string, cause error) error {
	e := &diag.Error{Msg: msg, Err: ErrNoProject, Advice: "\"warehouse init\" makes a project; --project-dir says where one is"}
	if cause != nil && !errors.Is(cause, fs.ErrNotExist) {
		e.Msg += ": " + message(errors.Unwrap(cause))
	}
	return diag.Errors{e}
}

var projectName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// identity reads name, version, vars, targets, retention and paths: what commands
// need that do not build.
func (l *loader) identity() {
	cli := l.cli()
	f, p := l.f, l.p
	f.render = newRenderer(l.ctx, l.o.LookupEnv, cli, nil)
	at := resolve(find(l.top, "name"))
	p.Name = f.text(at, "name")
	switch {
	case isNullNode(at):
		f.errs.Add(&diag.Error{Pos: Pos{File: p.File, Line: 1}, Msg: p.File + " has no name", Advice: "add name: my_project"})
	case !projectName.MatchString(p.Name) && p.Name != "":
		f.errorf(at, "%q is no name of a project", p.Name).Advice = "use letters, digits and _, no digit in front"
	}
	if at != nil {
		p.NamePos = f.pos(at)
	}
	if v := resolve(find(l.top, "version")); v != nil && v.Kind == yaml.ScalarNode {
		p.Version = v.Value
	}
	l.vars(cli)
	own := p.Vars
	if l.dbt() { // dbt renders its project file with the command line's variables alone
		own = cli
		l.readProfile(cli)
	} else {
		f.render = newRenderer(l.ctx, l.o.LookupEnv, own, nil)
		p.readTargets(f, l.top, l.o)
		p.Secrets = f.render.usedSecrets()
	}
	seen := p.Target
	if seen.Name == "" { // the errors of the other files are to be found all the same
		seen = defaultTarget(p.Dir)
	}
	f.render = newRenderer(l.ctx, l.o.LookupEnv, own, &seen)
	l.render = newRenderer(l.ctx, l.o.LookupEnv, p.Vars, &seen)
	if i := slices.IndexFunc(l.top, func(t pair) bool { return t.key == "retention" && !isNullNode(resolve(t.v)) }); i >= 0 {
		d := &decoder{}
		auto, rules := takeAuto(d, f.setting(l.top[i].k, f.value(l.top[i].v)))
		p.PruneAuto, p.Retention = auto, decodeRetention(d, rules)
		f.errs.Add(d.errs...)
	}
	l.readPaths()
}

// readPaths reads where models, macros, … are, and what folders to leave alone.
func (l *loader) readPaths() {
	f := l.f
	l.paths.read(f, l.top)
	l.p.own = l.paths.all()
	l.dir.skip = []string{"target", "dbt_packages", "logs"}
	l.p.TargetPath = "target"
	for _, key := range []string{"target-path", "target_path", "packages-install-path", "packages_install_path"} {
		dir := f.text(find(l.top, key), key)
		if dir == "" {
			continue
		}
		l.dir.skip = append(l.dir.skip, filepath.ToSlash(filepath.Clean(dir)))
		if strings.HasPrefix(key, "target") {
			l.p.TargetPath = filepath.Clean(dir)
		}
	}
	for _, key := range []string{"clean-targets", "clean_targets"} {
		if list := find(l.top, key); list != nil {
			l.p.CleanTargets = f.texts(list, key)
		}
	}
}

// vars reads the variables, raw. A mapping under the project's own name holds
// variables, too, as in dbt.
func (l *loader) vars(cli map[string]jinja.Value) {
	p, f := l.p, l.f
	p.Vars, p.VarPos = map[string]jinja.Value{}, map[string]Pos{}
	set := func(ps []pair) {
		for _, v := range ps {
			p.Vars[v.key] = f.raw(v.v)
			p.VarPos[v.key] = f.pos(v.k)
		}
	}
	all := f.pairs(find(l.top, "vars"), "vars")
	own := slices.IndexFunc(all, func(v pair) bool { return v.key == p.Name && resolve(v.v).Kind == yaml.MappingNode })
	var inner []pair
	if own >= 0 {
		inner = f.pairs(all[own].v, "vars of "+p.Name)
		all = slices.Delete(slices.Clone(all), own, own+1)
	}
	set(all)
	l.global = maps.Clone(p.Vars)
	set(inner)
	for k, v := range cli {
		p.Vars[k] = v
		delete(p.VarPos, k)
	}
}

// ParseVars reads the text of --vars: a YAML mapping.
func ParseVars(text string) (map[string]any, error) {
	f, node := parseYAML("--vars", []byte(text))
	vars := map[string]any{}
	if node != nil {
		for _, p := range f.pairs(node, "--vars") {
			vars[p.key] = f.raw(p.v)
		}
	}
	if err := f.errs.Err(); err != nil {
		e := *err.(diag.Errors)[0]
		e.Advice = cmp.Or(e.Advice, "write --vars '{name: value}'")
		return nil, diag.Errors{&e}
	}
	return vars, nil
}

var (
	// topKeys are the keys of project.yml that are read elsewhere in this package.
	topKeys = []string{"name", "version", "vars", "target", "targets", "models", "data_tests", "tests", "seeds", "snapshots", "sources",
		"retention", "model_paths", "seed_paths", "test_paths", "macro_paths", "snapshot_paths", "analysis_paths", "docs_paths",
		"target_path", "packages_install_path", "clean_targets", "on_run_start", "on_run_end", "dispatch", "meta", "description"}
	// emptyTopKeys are dbt's, and mean nothing in project.yml.
	emptyTopKeys = []string{"config_version", "profile", "quoting", "query_comment", "require_dbt_version", "asset_paths", "log_path", "function_paths", "dbt_cloud",
		"flags", "restrict_access", "unit_tests", "exposures", "metrics", "semantic_models", "saved_queries", "functions", "analyses", "anchors"}
)

// topLevel checks the keys of project.yml and reads what only builds need.
func (l *loader) topLevel() {
	f, p := l.f, l.p
	for _, t := range l.top {
		switch key := strings.ReplaceAll(t.key, "-", "_"); {
		case slices.Contains(emptyTopKeys, key):
			switch {
			case key == "flags" && l.dbt():
				l.flags(t.v)
			case key == "require_dbt_version" && l.dbt():
				l.requires(t.v)
			}
			if !l.dbt() {
				f.errorf(t.k, "%s has no meaning in project.yml and is ignored", t.key).Warn = true
			}
		case !slices.Contains(topKeys, key):
			f.errs.Add(unknownKey(f.setting(t.k, nil), t.key, p.File, topKeys))
		case key == "on_run_start" || key == "on_run_end":
			l.onRun(t, key == "on_run_start")
		case key == "dispatch":
			l.dispatch(t.v)
		}
	}
}

// onRun reads the hooks of a build.
func (l *loader) onRun(t pair, start bool) {
	d := &decoder{}
	for _, h := range d.hooks(l.f.setting(t.k, l.f.raw(t.v)), t.key) {
		if start {
			l.p.OnRunStart = append(l.p.OnRunStart, Hook{h, l.p.Name})
		} else {
			l.p.OnRunEnd = append(l.p.OnRunEnd, Hook{h, l.p.Name})
		}
	}
	l.f.errs.Add(d.errs...)
}

// flags keeps the behavior flags that built-in macros ask for; all others are
// of dbt's own work.
func (l *loader) flags(n *yaml.Node) {
	for _, e := range l.f.pairs(n, "flags") {
		if b, ok := l.f.value(e.v).(bool); ok && b {
			l.p.Behavior = append(l.p.Behavior, e.key)
		}
	}
}

func (l *loader) dispatch(n *yaml.Node) {
	for _, e := range l.f.list(n, "dispatch") {
		ps := l.f.known(l.f.pairs(e, "an entry of dispatch"), "an entry of dispatch", []string{"macro_namespace", "search_order"})
		l.p.Dispatch = append(l.p.Dispatch, Dispatch{l.f.text(find(ps, "macro_namespace"), "macro_namespace"), l.f.texts(find(ps, "search_order"), "search_order")})
	}
}
