package deps

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"warehouse/runner/project"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	name = filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// place is a folder with a project and a repository beside it.
type place struct {
	t         *testing.T
	dir, repo string
	env       map[string]string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not there")
	}
	p := &place{t: t, dir: filepath.Join(t.TempDir(), "shop"), env: map[string]string{}}
	p.repo = filepath.Join(filepath.Dir(p.dir), "util")
	write(t, p.dir, "project.yml", "name: shop\n")
	write(t, p.repo, "dbt_project.yml", "name: util\n")
	write(t, p.repo, "macros/m.sql", "{% macro f() %}one{% endmacro %}")
	write(t, p.repo, "deep/inner/dbt_project.yml", "name: inner\n")
	p.git("init", "--quiet", "--initial-branch=main")
	p.commit("first")
	return p
}

func (p *place) git(args ...string) string {
	p.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always", "-C", p.repo}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (p *place) commit(msg string) string {
	p.git("add", "-A")
	p.git("commit", "--quiet", "-m", msg)
	return p.git("rev-parse", "HEAD")
}

func (p *place) packages(text string) { write(p.t, p.dir, "packages.yml", "packages:\n"+text) }

func (p *place) install(upgrade bool) (*Result, error) {
	p.t.Helper()
	return Install(p.t.Context(), Options{Upgrade: upgrade, Environ: os.Environ(), Project: project.Options{Dir: p.dir,
		LookupEnv: func(name string) (string, bool) { v, ok := p.env[name]; return v, ok }}})
}

func (p *place) mustInstall(upgrade bool) *Result {
	p.t.Helper()
	res, err := p.install(upgrade)
	if err != nil {
		p.t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(p.dir, "dbt_packages/.new*")); len(left) > 0 {
		p.t.Errorf("left behind: %v", left)
	}
	return res
}

// loads says whether the project can be read with what is installed.
func (p *place) loads() error {
	_, err := project.Load(p.t.Context(), project.Options{Dir: p.dir})
	return err
}

func (p *place) macro() string { return read(p.t, p.dir, "dbt_packages/util/macros/m.sql") }

func TestGit(t *testing.T) {
	p := newPlace(t)
	first := p.git("rev-parse", "HEAD")
	p.git("tag", "v1")
	p.packages("  - git: file://" + filepath.ToSlash(p.repo) + "\n    revision: main\n")
	if err := p.loads(); err == nil || !strings.Contains(err.Error(), "is not installed") {
		t.Errorf("before: %v", err)
	}
	res := p.mustInstall(false)
	if k := res.Packages[0]; k.Name != "util" || k.Commit != first || k.Kept || !strings.HasPrefix(k.Tree, "sha256:") {
		t.Errorf("%+v", k)
	}
	if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0].Msg, `pinned to "main", which moves`) {
		t.Errorf("warnings: %v", res.Warnings)
	}
	if err := p.loads(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "dbt_packages/util/.git")); err == nil {
		t.Error("the repository itself is there")
	}
	lock := read(t, p.dir, project.LockFile)
	if !strings.Contains(lock, "commit: "+first) {
		t.Errorf("the lock file:\n%s", lock)
	}

	write(t, p.repo, "macros/m.sql", "{% macro f() %}two{% endmacro %}")
	second := p.commit("second")
	if res := p.mustInstall(false); !res.Packages[0].Kept || !strings.Contains(p.macro(), "one") {
		t.Errorf("a branch that moved was followed: %+v", res.Packages[0])
	}
	if err := os.RemoveAll(filepath.Join(p.dir, "dbt_packages")); err != nil {
		t.Fatal(err)
	}
	if res := p.mustInstall(false); res.Packages[0].Commit != first || !strings.Contains(p.macro(), "one") {
		t.Errorf("what is pinned was not installed: %+v", res.Packages[0])
	}
	if read(t, p.dir, project.LockFile) != lock {
		t.Error("the lock file has changed")
	}
	if res := p.mustInstall(true); res.Packages[0].Commit != second || !strings.Contains(p.macro(), "two") {
		t.Errorf("--upgrade did not take the new commit: %+v", res.Packages[0])
	}

	write(t, p.dir, "dbt_packages/util/macros/m.sql", "{% macro f() %}mine{% endmacro %}")
	if err := p.loads(); err == nil || !strings.Contains(err.Error(), "is not what packages.lock pins") {
		t.Errorf("an edited package: %v", err)
	}
	if p.mustInstall(false); !strings.Contains(p.macro(), "two") {
		t.Error("the edit is still there")
	}

	for _, revision := range []string{"v1", first, first[:10]} {
		p.packages("  - git: ../util\n    revision: " + revision + "\n")
		if res := p.mustInstall(false); res.Packages[0].Commit != first || len(res.Warnings) != 0 {
			t.Errorf("%s: %+v %v", revision, res.Packages[0], res.Warnings)
		}
		if err := p.loads(); err != nil {
			t.Errorf("%s: %v", revision, err)
		}
	}
	p.packages("  - git: ../util\n    subdirectory: deep/inner\n    warn-unpinned: false\n")
	res = p.mustInstall(false)
	if res.Packages[0].Name != "inner" || len(res.Warnings) != 0 || strings.Join(res.Removed, ",") != "util" {
		t.Errorf("%+v", res)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "dbt_packages/util")); err == nil {
		t.Error("a package that nothing asks for is still there")
	}
	write(t, p.dir, "packages.yml", "packages: []\n")
	if res := p.mustInstall(false); len(res.Packages) != 0 || len(res.Removed) != 1 {
		t.Errorf("%+v", res)
	}
}

// A repository has no say in what runs and where files go.
func TestGitIsSafe(t *testing.T) {
	p := newPlace(t)
	marker := filepath.Join(p.dir, "ran")
	write(t, p.repo, ".gitattributes", "*.sql filter=evil export-subst\nhidden.sql export-ignore\n")
	write(t, p.repo, "hidden.sql", "x")
	write(t, p.repo, ".gitmodules", "[submodule \"s\"]\n\tpath = s\n\turl = ext::sh -c touch% "+marker+"\n")
	if err := os.Symlink("/etc/passwd", filepath.Join(p.repo, "macros/out.sql")); err != nil {
		t.Skip(err)
	}
	p.git("config", "filter.evil.smudge", "touch "+marker)
	p.git("config", "core.fsmonitor", "touch "+marker)
	head := p.git("rev-parse", "HEAD")
	p.git("update-index", "--add", "--cacheinfo", "160000,"+head+",s")
	write(t, p.repo, ".git/hooks/post-checkout", "#!/bin/sh\ntouch "+marker+"\n")
	if err := os.Chmod(filepath.Join(p.repo, ".git/hooks/post-checkout"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.git("add", "macros", ".gitattributes", "hidden.sql", ".gitmodules")
	p.git("commit", "--quiet", "-m", "evil")
	os.Remove(marker) // what git itself made of it in this test
	p.packages("  - git: ../util\n    revision: " + p.git("rev-parse", "HEAD") + "\n")
	os.Remove(marker)
	res := p.mustInstall(false)
	if _, err := os.Stat(marker); err == nil {
		t.Error("something of the repository ran")
	}
	if _, err := os.Lstat(filepath.Join(p.dir, "dbt_packages/util/macros/out.sql")); err == nil {
		t.Error("a link was made")
	}
	if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0].Msg, "links, which are left out: macros/out.sql") {
		t.Errorf("warnings: %v", res.Warnings)
	}
	if read(t, p.dir, "dbt_packages/util/hidden.sql") != "x" {
		t.Error("the files are not those of the commit")
	}
}

func TestGitErrors(t *testing.T) {
	p := newPlace(t)
	p.env["DBT_ENV_SECRET_TOKEN"] = "hunter22"
	for _, c := range []struct{ name, packages, want string }{
		{"no such revision", "  - git: ../util\n    revision: nothing\n", `packages.yml:2:10: package ../util: there is no revision "nothing"`},
		{"no such commit", "  - git: ../util\n    revision: 0123456789012345678901234567890123456789\n", "there is no commit 0123"},
		{"no such repository", "  - git: ../nowhere\n    revision: x\n", "package ../nowhere: git fetch: "},
		{"no such folder in it", "  - git: ../util\n    revision: main\n    subdirectory: nowhere\n", "there is no folder nowhere in it"},
		{"a folder outside of it", "  - git: ../util\n    revision: main\n    subdirectory: ../x\n", "leads out of the repository"},
		{"a command", "  - git: 'ext::sh -c id'\n", "this is no URL of a repository"},
		{"an option", "  - git: --upload-pack=id\n", "this is no URL of a repository"},
		{"an option as revision", "  - git: ../util\n    revision: --upload-pack=id\n", "is no branch, tag or commit"},
		{"http", "  - git: http://git.example/x.git\n    revision: x\n", "by https, ssh or file, not by http"},
		{"a secret is not shown", "  - git: \"file:///{{ env_var('DBT_ENV_SECRET_TOKEN') }}/x\"\n    revision: x\n", "package file:///{{ env_var('DBT_ENV_SECRET_TOKEN') }}/x: git fetch: "},
		{"of the hub", "  - {package: dbt-labs/codegen, version: 0.12.1}\n", "packages of dbt's hub are not downloaded"},
		{"no package", "  - git: ../util\n    revision: main\n    subdirectory: macros\n", "no dbt_project.yml in ../util"},
		{"two revisions", "  - git: ../util\n    revision: main\n  - git: ../util\n    revision: v9\n", `util is asked for at two revisions: "main" and "v9"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.packages(c.packages)
			_, err := p.install(false)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter22") {
				t.Error("the error tells the secret")
			}
			if _, err := os.Stat(filepath.Join(p.dir, project.LockFile)); err == nil {
				t.Error("a lock file was written")
			}
		})
	}
}

// What a package asks for is installed too; the project's own choice of a
// revision comes first.
func TestPackagesOfPackages(t *testing.T) {
	p := newPlace(t)
	p.git("tag", "v1")
	near := filepath.Join(filepath.Dir(p.dir), "near")
	write(t, near, "dbt_project.yml", "name: near\n")
	write(t, near, "packages.yml", "packages:\n  - git: ../util\n    revision: main\n  - package: dbt-labs/util\n    version: 1.0.0\n")
	p.packages("  - local: ../near\n  - git: ../util\n    revision: v1\n")
	res := p.mustInstall(false)
	var names []string
	for _, k := range res.Packages {
		names = append(names, k.Name+" "+k.Revision)
	}
	if got := strings.Join(names, ", "); got != "near , util v1" {
		t.Errorf("got %s", got)
	}
	if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0].Msg, `at revision "main" too; "v1", which stands nearer to the project, is used`) {
		t.Errorf("warnings: %v", res.Warnings)
	}
	if err := p.loads(); err != nil {
		t.Error(err)
	}
}

// entry is a file of an archive.
type entry struct {
	name, text string
	kind       byte
	link       string
}

func archive(t *testing.T, zipped bool, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if e.kind == 0 {
			e.kind = tar.TypeReg
		}
		if err := w.WriteHeader(&tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.text)), Typeflag: e.kind, Linkname: e.link}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !zipped {
		return b.Bytes()
	}
	var z bytes.Buffer
	g := gzip.NewWriter(&z)
	if _, err := g.Write(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

var good = []entry{{name: "util-1.0/", kind: tar.TypeDir}, {name: "util-1.0/dbt_project.yml", text: "name: util\n"}, {name: "util-1.0/macros/m.sql", text: "{% macro f() %}x{% endmacro %}"}}

func TestTarball(t *testing.T) {
	p := newPlace(t)
	data := archive(t, true, good...)
	write(t, p.dir, "vendor/util.tar.gz", string(data))
	write(t, p.dir, "vendor/util.tar", string(archive(t, false, good...)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/util.tar.gz":
			_, _ = w.Write(data)
		case "/away":
			http.Redirect(w, r, "http://elsewhere.example/x.tar.gz", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	for _, from := range []string{"vendor/util.tar.gz", "vendor/util.tar", server.URL + "/util.tar.gz"} {
		p.packages("  - tarball: " + from + "\n    name: util\n")
		res := p.mustInstall(false)
		if k := res.Packages[0]; k.Name != "util" || len(k.SHA256) != 64 {
			t.Errorf("%s: %+v", from, k)
		}
		if err := p.loads(); err != nil {
			t.Errorf("%s: %v", from, err)
		}
		if res := p.mustInstall(false); !res.Packages[0].Kept {
			t.Errorf("%s: it is unpacked again", from)
		}
	}

	// Another archive at the same place.
	data = archive(t, true, append(good, entry{name: "util-1.0/more.sql", text: "x"})...)
	if err := os.RemoveAll(filepath.Join(p.dir, "dbt_packages")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.install(false); err == nil || !strings.Contains(err.Error(), "is not what packages.lock pins") {
		t.Errorf("an archive that was exchanged: %v", err)
	}
	p.mustInstall(true)

	for _, c := range []struct{ from, want string }{
		{server.URL + "/none.tar.gz", "the server answers 404"},
		{server.URL + "/away", "archives are downloaded by https alone"},
		{"http://example.org/x.tar.gz", "archives are downloaded by https alone"},
		{"ftp://example.org/x.tar.gz", "not by ftp"},
		{"vendor/none.tar", "no such file"},
		{"project.yml", "it is no archive that can be read"},
	} {
		p.packages("  - tarball: " + c.from + "\n    name: util\n")
		if _, err := p.install(false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.from, err, c.want)
		}
	}
}

func TestArchivesThatLie(t *testing.T) {
	p := newPlace(t)
	big := strings.Repeat("0", maxFile+1)
	for _, c := range []struct {
		name, want string
		entries    []entry
	}{
		{"up", "leads out of the package", append(good, entry{name: "util-1.0/../../evil", text: "x"})},
		{"absolute", "leads out of the package", append(good, entry{name: "/tmp/evil", text: "x"})},
		{"backslash", "backslash", append(good, entry{name: `util-1.0\..\evil`, text: "x"})},
		{"control character", "control characters", append(good, entry{name: "util-1.0/a\nb", text: "x"})},
		{"no folder", "one folder", []entry{{name: "dbt_project.yml", text: "name: util\n"}}},
		{"two folders", "one folder", append(good, entry{name: "other/x", text: "x"})},
		{"twice", "two files are called", append(good, entry{name: "util-1.0/dbt_project.yml", text: "x"})},
		{"a device", "neither a file nor a folder", append(good, entry{name: "util-1.0/dev", kind: tar.TypeChar})},
		{"git's own", "git's own", append(good, entry{name: "util-1.0/.git/config", text: "x"})},
		{"too large", "larger than", append(good, entry{name: "util-1.0/zeros", text: big})},
		{"through a link", "", append(good, entry{name: "util-1.0/out", kind: tar.TypeSymlink, link: "../../../"}, entry{name: "util-1.0/out/evil", text: "x"})},
		{"empty", "no files", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			write(t, p.dir, "x.tar.gz", string(archive(t, true, c.entries...)))
			p.packages("  - tarball: x.tar.gz\n    name: util\n")
			_, err := p.install(true)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %s", err, c.want)
			}
			for _, out := range []string{"evil", "../evil", "../../evil", "/tmp/evil"} {
				if !filepath.IsAbs(out) {
					out = filepath.Join(p.dir, out)
				}
				if _, err := os.Stat(out); err == nil {
					t.Errorf("%s was written", out)
				}
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	p := newPlace(t)
	p.packages("  - git: ../util\n    revision: main\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Install(ctx, Options{Environ: os.Environ(), Project: project.Options{Dir: p.dir}})
	if err == nil || ctx.Err() == nil {
		t.Errorf("got %v", err)
	}
}

func FuzzCheckPath(f *testing.F) {
	for _, s := range []string{"a", "a/b", "../a", "/a", "a/../b", ".git/x", "a//b", "./a", "C:x", `a\b`, ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if checkPath(name) == nil && !filepath.IsLocal(filepath.FromSlash(name)) {
			t.Errorf("%q is accepted", name)
		}
	})
}
