package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
)

// Kinds of dependencies.
const (
	DepLocal   = "local"   // a folder, read where it is
	DepGit     = "git"     // a repository at a revision
	DepTarball = "tarball" // an archive, by its URL or path
	DepHub     = "package" // a name of dbt's hub: found where dbt has put it, never downloaded
)

// Dependency is an entry of packages.yml or dependencies.yml.
type Dependency struct {
	Kind         string
	From         string // the path, URL or name; may hold a secret: never print it
	Shown        string // From with secrets as references
	Revision     string // of a repository: branch, tag or commit; "" if none is given
	Subdirectory string // of a repository
	Version      string // of the hub: as written
	WarnUnpinned bool
	At           Setting // where it stands

	secrets []string // value, reference, value, …
}

// Mask replaces the secrets of From in a text by references.
func (d Dependency) Mask(text string) string { return strings.NewReplacer(d.secrets...).Replace(text) }

// Errorf is an error at the entry.
func (d Dependency) Errorf(format string, args ...any) *diag.Error {
	return &diag.Error{Pos: d.At.Pos, Span: d.At.Span, Source: d.At.Source, Msg: fmt.Sprintf(format, args...)}
}

// Dependencies are what a project says of its packages.
type Dependencies struct {
	Dir      string // the project's folder, absolute
	Name     string // the project's
	Install  string // the folder of installed packages, relative to Dir
	List     []Dependency
	Warnings []*diag.Error
}

// LoadDependencies reads what packages a project asks for, and nothing else of
// it. The error is ErrNoProject or diag.Errors.
func LoadDependencies(ctx context.Context, o Options) (*Dependencies, error) {
	l, err := openFolder(ctx, o)
	if err != nil {
		return nil, err
	}
	defer l.dir.root.Close()
	return l.dependencyList()
}

// DependenciesOf reads what packages the package in root asks for; shown is
// how messages call its folder.
func DependenciesOf(ctx context.Context, o Options, root *os.Root, shown string) (*Dependencies, error) {
	l, err := openPackage(ctx, o, root, shown)
	if err != nil {
		return nil, err
	}
	return l.dependencyList()
}

func (l *loader) dependencyList() (*Dependencies, error) {
	l.f.render = newRenderer(l.ctx, l.o.LookupEnv, l.cli(), nil)
	d := &Dependencies{Dir: l.p.Dir, Name: l.f.text(find(l.top, "name"), "name"), Install: l.installPath()}
	d.List = l.dependencies()
	if err := l.err(); err != nil {
		return nil, err
	}
	if !projectName.MatchString(d.Name) {
		return nil, diag.Errors{{Pos: Pos{File: l.f.name, Line: 1}, Msg: fmt.Sprintf("%q is no name of a project", d.Name)}}
	}
	d.Warnings = l.errs.Warnings()
	return d, nil
}

// installPath is the folder of installed packages, relative to the project.
func (l *loader) installPath() string {
	for _, key := range []string{"packages-install-path", "packages_install_path"} {
		if dir := l.f.text(find(l.top, key), key); dir != "" {
			if clean := path.Clean(filepath.ToSlash(dir)); filepath.IsLocal(clean) && clean != "." {
				return clean
			}
			l.f.errorf(find(l.top, key), "%s: %q must be a folder in the project", key, dir)
		}
	}
	return "dbt_packages"
}

// dependencies reads packages.yml and the packages of dependencies.yml.
func (l *loader) dependencies() []Dependency {
	var out []Dependency
	var first string
	for _, name := range []string{"packages.yml", "dependencies.yml"} {
		data, err := l.dir.root.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		shown := path.Join(l.prefix, name)
		if err != nil {
			l.errs.Add(fileError(shown, err))
			continue
		}
		f, root := parseYAML(shown, data)
		f.lenient = l.isPackage()
		f.render = newRenderer(l.ctx, l.o.LookupEnv, l.cli(), nil)
		for _, p := range f.known(f.pairs(root, shown), shown, []string{"packages", "projects"}) {
			if p.key == "projects" {
				f.errorf(p.k, "projects of other places are not supported and are ignored").Warn = true
				continue
			}
			entries := f.list(p.v, "packages")
			if len(entries) > 0 && len(out) > 0 {
				f.errorf(p.k, "packages stand both in %s and in %s", first, shown).Advice = "move all into one of them"
			}
			for _, e := range entries {
				if d, ok := f.dependency(e, l.o.LookupEnv); ok {
					out, first = append(out, d), shown
				}
			}
		}
		l.errs.Merge(&f.errs)
	}
	return out
}

// depKeys are the keys that each kind may have beside its own.
var depKeys = map[string][]string{
	DepLocal:   {},
	DepGit:     {"revision", "subdirectory", "warn-unpinned", "warn_unpinned", "name"},
	DepTarball: {"name"},
	DepHub:     {"version", "install-prerelease", "install_prerelease", "name"},
}

func (f *yamlFile) dependency(n *yaml.Node, lookup func(string) (string, bool)) (Dependency, bool) {
	ps := f.pairs(n, "a package")
	kinds := []string{DepLocal, DepGit, DepTarball, DepHub}
	i := slices.IndexFunc(ps, func(p pair) bool { return slices.Contains(kinds, p.key) })
	if i < 0 {
		e := f.errorf(n, "a package needs one of the keys %s", strings.Join(kinds, ", "))
		if hasKey(ps, "private") {
			e.Msg, e.Advice = "private packages are found by dbt's own service alone", "write git: and the URL of the repository"
		}
		return Dependency{}, false
	}
	kind := ps[i].key
	ps = f.known(ps, "a package by "+kind, append([]string{kind}, depKeys[kind]...))
	d := Dependency{Kind: kind, At: f.setting(resolve(ps[slices.IndexFunc(ps, func(p pair) bool { return p.key == kind })].v), nil), WarnUnpinned: true}
	var ok bool
	if d.From, d.Shown, d.secrets, ok = f.secretText(find(ps, kind), kind, lookup); !ok {
		return d, false
	}
	if badName(d.From) {
		f.errorf(resolve(find(ps, kind)), "%s is empty or holds control characters", kind)
		return d, false
	}
	for _, key := range []string{"warn-unpinned", "warn_unpinned"} {
		d.WarnUnpinned = d.WarnUnpinned && f.boolean(find(ps, key), key, true)
	}
	d.Revision, d.Subdirectory = f.text(find(ps, "revision"), "revision"), f.text(find(ps, "subdirectory"), "subdirectory")
	if v := find(ps, "version"); v != nil {
		if resolve(v).Kind == yaml.SequenceNode {
			d.Version = strings.Join(f.texts(v, "version"), ",")
		} else {
			d.Version = f.text(v, "version")
		}
	}
	return d, true
}

// secretText is a text that may hold secrets: filled in, with references, and
// what stands for what.
func (f *yamlFile) secretText(n *yaml.Node, what string, lookup func(string) (string, bool)) (filled, shown string, secrets []string, ok bool) {
	n = resolve(n)
	if n.Kind != yaml.ScalarNode || !hasJinja(n.Value) {
		s := f.text(n, what)
		return s, s, nil, s != ""
	}
	out, err := f.render.renderOnce(f.name, n.Value, f.render.globals)
	if err != nil {
		f.errs.Add(f.relocate(n, n.Value, err))
		return "", "", nil, false
	}
	parts, err := jinja.SplitSecrets(out)
	if err != nil {
		f.errorf(n, "%v", err)
		return "", "", nil, false
	}
	for _, p := range parts {
		filled, shown = filled+p.Text, shown+p.Text
		if p.Ref != "" {
			v, _ := lookup(p.Ref)
			ref := "{{ env_var('" + p.Ref + "') }}"
			filled, shown = filled+v, shown+ref
			if v != "" {
				secrets = append(secrets, v, ref)
			}
		}
	}
	return filled, shown, secrets, true
}

// hubGit are the repositories of packages that many projects use, by their
// names in dbt's hub.
var hubGit = map[string]string{
	"dbt-labs/dbt_utils":             "https://github.com/dbt-labs/dbt-utils.git",
	"fishtown-analytics/dbt_utils":   "https://github.com/dbt-labs/dbt-utils.git",
	"dbt-labs/codegen":               "https://github.com/dbt-labs/dbt-codegen.git",
	"dbt-labs/audit_helper":          "https://github.com/dbt-labs/dbt-audit-helper.git",
	"dbt-labs/dbt_external_tables":   "https://github.com/dbt-labs/dbt-external-tables.git",
	"dbt-labs/dbt_project_evaluator": "https://github.com/dbt-labs/dbt-project-evaluator.git",
	"dbt-labs/metrics":               "https://github.com/dbt-labs/dbt_metrics.git",
	"calogica/dbt_expectations":      "https://github.com/calogica/dbt-expectations.git",
	"metaplane/dbt_expectations":     "https://github.com/metaplane/dbt-expectations.git",
	"calogica/dbt_date":              "https://github.com/calogica/dbt-date.git",
	"godatadriven/dbt_date":          "https://github.com/godatadriven/dbt-date.git",
	"elementary-data/elementary":     "https://github.com/elementary-data/dbt-data-reliability.git",
	"brooklyn-data/dbt_artifacts":    "https://github.com/brooklyn-data/dbt_artifacts.git",
	"data-mie/dbt_profiler":          "https://github.com/data-mie/dbt-profiler.git",
	"Datavault-UK/automate_dv":       "https://github.com/Datavault-UK/automate-dv.git",
	"EqualExperts/dbt_unit_testing":  "https://github.com/EqualExperts/dbt-unit-testing.git",
	"tnightengale/dbt_meta_testing":  "https://github.com/tnightengale/dbt-meta-testing.git",
	"yu-iskw/dbt_airflow_macros":     "https://github.com/yu-iskw/dbt-airflow-macros.git",
}

// HubAdvice says what to write instead of an entry of dbt's hub.
func (d Dependency) HubAdvice() string {
	revision := "TAG"
	if lowest := strings.TrimLeft(strings.TrimSpace(strings.Split(d.Version, ",")[0]), "=>~^ "); lowest != "" && !strings.ContainsAny(lowest, "<!") {
		revision = lowest
	}
	url := hubGit[d.From]
	if url == "" {
		url = "URL-OF-ITS-REPOSITORY"
	}
	return fmt.Sprintf("write `git: %s` with `revision: %s` and run `warehouse deps`, or let `dbt deps` install it", url, revision)
}

// HubName is the name that a package of the hub has as a project.
func (d Dependency) HubName() string { return d.From[strings.LastIndex(d.From, "/")+1:] }
