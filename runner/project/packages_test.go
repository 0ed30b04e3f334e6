package project

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"warehouse/runner/jinja"
)

// util is an installed package with one of everything.
func util(t *testing.T, dir, folder string) {
	write(t, dir, folder+"/dbt_project.yml", "name: util\nversion: 0.1\nrequire-dbt-version: [\">=1.3.0\", \"<3.0.0\"]\nsomething-new: 1\nmacro-paths: [jinja]\n"+
		"vars: {own: 1, both: 2, util: {mine: 3}}\nmodels: {util: {+tags: [packaged], staging: {+materialized: table}}}\n")
	write(t, dir, folder+"/jinja/m.sql", "{% macro f() %}x{% endmacro %}")
	write(t, dir, folder+"/models/staging/stg.sql", "select 1 as id")
	write(t, dir, folder+"/models/s.yml", "unknown_section: []\nmodels:\n  - name: stg\n    not_a_key: 1\n    columns: [{name: id, data_tests: [not_null]}]\n  - name: gone\n"+
		"sources: [{name: raw, tables: [{name: events}]}]\nunit_tests: [{name: u, model: stg}]\nexposures: [{name: dashboard}]\n")
	write(t, dir, folder+"/tests/one.sql", "select 1 where false")
	write(t, dir, folder+"/seeds/codes.csv", "a\n1\n")
	write(t, dir, folder+"/models/d.md", "{% docs block %}text{% enddocs %}")
}

func TestPackageIsRead(t *testing.T) {
	for _, c := range []struct{ name, folder, packages string }{
		{"local", "../util", "packages:\n  - local: ../util\n"},
		{"local in the project", "shared/util", "packages:\n  - local: shared/util\n"},
		{"installed", "dbt_packages/util", ""},
		{"a package of the hub that dbt installed", "dbt_packages/util", "packages:\n  - package: acme/util\n    version: [\">=1.0.0\", \"<2.0.0\"]\n"},
		{"a repository that dbt installed", "dbt_packages/util", "packages:\n  - git: https://git.example/util.git\n    revision: 1.0.0\n"},
		{"in dependencies.yml", "../util", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "shop")
			write(t, dir, "project.yml", "name: shop\nvars: {both: 20, shop: {hidden: 1}, util: {mine: 30}}\n"+
				"models:\n  +meta: {all: 1}\n  util: {+schema: elsewhere, staging: {+enabled: false}}\ndata_tests: {util: {+severity: warn}}\n")
			util(t, dir, c.folder)
			if c.packages != "" {
				write(t, dir, "packages.yml", c.packages)
			} else if c.folder == "../util" {
				write(t, dir, "dependencies.yml", "packages:\n  - local: ../util\n")
			}
			p, err := Load(t.Context(), Options{Dir: dir, LookupEnv: env, Vars: map[string]any{"own": 100}})
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Packages) != 1 || len(p.Models) != 1 || len(p.Macros) != 1 || len(p.Tests) != 1 || len(p.Seeds) != 1 || len(p.Sources) != 1 || len(p.Docs) != 1 {
				t.Fatalf("%+v", p)
			}
			k, m := p.Package("util"), p.Models[0]
			if k.Dir != c.folder || k.Version != "0.1" || len(k.RequireDBT) != 2 {
				t.Errorf("the package is %+v", k)
			}
			got := jinja.Repr(jinja.FromGo(map[string]any{"own": k.Vars["own"], "both": k.Vars["both"], "mine": k.Vars["mine"], "hidden": k.Vars["hidden"]}))
			if want := "{'both': 20, 'hidden': None, 'mine': 30, 'own': 100}"; got != want {
				t.Errorf("its variables are %s, want %s", got, want)
			}
			if _, there := p.Vars["mine"]; there {
				t.Error("the project sees the package's variables")
			}
			if m.Package != "util" || m.File != c.folder+"/models/staging/stg.sql" || strings.Join(m.FQN, ".") != "util.staging.stg" || m.YAML == nil {
				t.Errorf("the model is %+v", m)
			}
			merged := Merge(append(m.Layers, m.Over...)...)
			for key, want := range map[string]string{"materialized": "table", "tags": "['packaged']", "schema": "elsewhere", "enabled": "False", "meta": "{'all': 1}"} {
				if got := jinja.Str(merged[key].Value); got != want {
					t.Errorf("%s is %s, want %s", key, got, want)
				}
			}
			if over := Merge(p.Tests[0].Over...); jinja.Str(over["severity"].Value) != "warn" {
				t.Errorf("the project's config of the package's data test: %v", over)
			}
			if len(p.Entries["unit_test"]) != 0 || len(p.Entries["exposure"]) != 1 || p.Entries["exposure"][0].Package != "util" {
				t.Errorf("entries: %v", p.Entries)
			}
			if text := report(nil, p.Warnings, ""); strings.Contains(text, "unknown key") || !strings.Contains(text, `there is no model "gone"`) {
				t.Errorf("warnings:\n%s", text)
			}
		})
	}
}

// What a package says of itself stands below what the project says, also
// where the project names no folder of it.
func TestPackageFoldersAreNotTheProjects(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "project.yml", "name: shop\nmodels: {staging: {+tags: [own]}}\n")
	write(t, dir, "models/staging/a.sql", "select 1")
	util(t, dir, "dbt_packages/util")
	p, err := Load(t.Context(), Options{Dir: dir, LookupEnv: env})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range p.Models {
		tags := jinja.Str(Merge(append(m.Layers, m.Over...)...)["tags"].Value)
		if want := map[string]string{"a": "['own']", "stg": "['packaged']"}[m.Name]; tags != want {
			t.Errorf("%s has the tags %s, want %s", m.Name, tags, want)
		}
	}
}

func TestPackageErrors(t *testing.T) {
	locked := func(tree, revision string) string {
		return "packages:\n  - name: util\n    git: https://git.example/util.git\n    revision: " + revision + "\n    commit: abc\n    tree: " + tree + "\n"
	}
	for _, c := range []struct {
		name, packages, want string
		make                 func(dir string)
	}{
		{"not installed", "packages:\n  - git: https://git.example/util.git\n    revision: 1.0.0\n",
			"packages.yml:2:10: package https://git.example/util.git is not installed | run `warehouse deps`", nil},
		{"of the hub", "packages:\n  - package: dbt-labs/dbt_utils\n    version: [\">=1.1.0\", \"<2.0.0\"]\n",
			"packages.yml:2:14: package dbt-labs/dbt_utils is not installed, and packages of dbt's hub are not downloaded | " +
				"write `git: https://github.com/dbt-labs/dbt-utils.git` with `revision: 1.1.0` and run `warehouse deps`, or let `dbt deps` install it", nil},
		{"of the hub, not known", "packages:\n  - {package: acme/thing, version: 2.0.1}\n",
			"packages.yml:2:15: package acme/thing is not installed, and packages of dbt's hub are not downloaded | " +
				"write `git: URL-OF-ITS-REPOSITORY` with `revision: 2.0.1` and run `warehouse deps`, or let `dbt deps` install it", nil},
		{"changed", "packages:\n  - git: https://git.example/util.git\n    revision: 1.0.0\n",
			"dbt_packages/util: is not what packages.lock pins: its files were changed | `warehouse deps` installs it anew; " +
				"a macro of your own belongs into your own project, where it takes the place of the package's",
			func(dir string) {
				util(t, dir, "dbt_packages/util")
				write(t, dir, LockFile, locked("sha256:0", "1.0.0"))
			}},
		{"another revision", "packages:\n  - git: https://git.example/util.git\n    revision: 2.0.0\n",
			`packages.yml:2:10: package util is installed at revision "1.0.0", not "2.0.0" | run ` + "`warehouse deps`",
			func(dir string) {
				util(t, dir, "dbt_packages/util")
				tree, err := TreeHash(os.DirFS(filepath.Join(dir, "dbt_packages/util")))
				if err != nil {
					t.Fatal(err)
				}
				write(t, dir, LockFile, locked(tree, "1.0.0"))
			}},
		{"removed", "packages:\n  - git: https://git.example/util.git\n    revision: 1.0.0\n",
			"packages.yml:2:10: package util (https://git.example/util.git) is not installed | run `warehouse deps`",
			func(dir string) { write(t, dir, LockFile, locked("sha256:0", "1.0.0")) }},
		{"a damaged lock file", "", "packages.lock: is damaged: yaml: unmarshal errors:\n  line 1: field nonsense not found in type struct { Packages []project.Locked } | remove it and run `warehouse deps`",
			func(dir string) { write(t, dir, LockFile, "nonsense: 1\n") }},
		{"no such folder", "packages:\n  - local: ../nowhere\n", "packages.yml:2:12: the package in ../nowhere can not be read: can not be read: no such file or directory | ", nil},
		{"no package", "packages:\n  - local: ../empty\n", "no dbt_project.yml in ../empty: it is no package | ", func(dir string) { write(t, dir, "../empty/x", "") }},
		{"the project itself", "packages:\n  - local: .\n", "packages.yml:2:12: the package in . has the project's own name, shop | ", nil},
		{"one name twice", "packages:\n  - local: ../a\n  - local: ../b\n", "packages.yml:3:12: two packages are called util: in ../a and in ../b | ",
			func(dir string) { util(t, dir, "../a"); util(t, dir, "../b") }},
		{"a link that leads out", "", "dbt_packages/util: leads out of the project folder, by a link or by .. | copy the file into the project", func(dir string) {
			util(t, dir, "../out")
			write(t, dir, "dbt_packages/x", "")
			if err := os.Symlink("../../out", filepath.Join(dir, "dbt_packages/util")); err != nil {
				t.Skip(err)
			}
		}},
		{"a local package of a fetched one that leads out", "", "dbt_packages/deep/packages.yml:2:12: the package in ../../../out can not be read: leads out of the project folder, by a link or by .. | ", func(dir string) {
			util(t, dir, "../out")
			write(t, dir, "dbt_packages/deep/dbt_project.yml", "name: deep\n")
			write(t, dir, "dbt_packages/deep/packages.yml", "packages:\n  - local: ../../../out\n")
		}},
		{"a macro that does not parse", "packages:\n  - local: ../util\n", "../util/jinja/bad.sql:1:19: ", func(dir string) {
			util(t, dir, "../util")
			write(t, dir, "../util/jinja/bad.sql", "{% macro f() %}{% endif %}")
		}},
		{"a typo", "packages:\n  - gti: x\n", "packages.yml:2:5: a package needs one of the keys local, git, tarball, package | ", nil},
		{"a typo in a key", "packages:\n  - git: x\n    revsion: 1\n", "packages.yml:2:10: package x is not installed\npackages.yml:3:5: unknown key \"revsion\" in a package by git; did you mean \"revision\"?", nil},
		{"private", "packages:\n  - private: a/b\n", "packages.yml:2:5: private packages are found by dbt's own service alone | write git: and the URL of the repository", nil},
		{"in two files", "packages:\n  - local: ../util\n", "dependencies.yml:1:1: packages stand both in packages.yml and in dependencies.yml | move all into one of them",
			func(dir string) {
				util(t, dir, "../util")
				write(t, dir, "dependencies.yml", "packages:\n  - local: ../util\n")
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a", "shop")
			write(t, dir, "project.yml", "name: shop\n")
			if c.packages != "" {
				write(t, dir, "packages.yml", c.packages)
			}
			if c.make != nil {
				c.make(dir)
			}
			_, err := Load(t.Context(), Options{Dir: dir, LookupEnv: env})
			if err == nil {
				t.Fatal("no error")
			}
			if got := err.Error() + " | " + hintOf(firstOf(err)); !strings.HasPrefix(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func firstOf(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok && len(many.Unwrap()) > 0 {
		return many.Unwrap()[0]
	}
	return err
}

// What dbt makes of a local package in its folder of packages, a link, is no
// second package and no error.
func TestLinkToALocalPackage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shop")
	write(t, dir, "project.yml", "name: shop\n")
	write(t, dir, "packages.yml", "packages:\n  - local: ../util\n")
	util(t, dir, "../util")
	write(t, dir, "dbt_packages/.keep", "")
	if err := os.Symlink("../../util", filepath.Join(dir, "dbt_packages/util")); err != nil {
		t.Skip(err)
	}
	p, err := Load(t.Context(), Options{Dir: dir, LookupEnv: env})
	if err != nil || len(p.Packages) != 1 {
		t.Errorf("%v, %v", p.Packages, err)
	}
}

// A package's files are part of what the project is.
func TestDigestCoversPackages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shop")
	write(t, dir, "project.yml", "name: shop\n")
	write(t, dir, "packages.yml", "packages:\n  - local: ../util\n")
	util(t, dir, "../util")
	digest := func() string {
		p, err := Load(t.Context(), Options{Dir: dir, LookupEnv: env})
		if err != nil {
			t.Fatal(err)
		}
		return p.SHA256
	}
	before := digest()
	if again := digest(); again != before {
		t.Error("the digest changes by itself")
	}
	write(t, dir, "../util/jinja/m.sql", "{% macro f() %}y{% endmacro %}")
	if digest() == before {
		t.Error("the digest is that of another package")
	}
}
