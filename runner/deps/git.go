package deps

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"warehouse/runner/project"
)

// git writes the files of a repository at a revision, or at the commit that is
// pinned, and returns the commit. Only objects are read: nothing is checked
// out, so that no filter, hook or submodule of the repository has a say.
func (in *installer) git(d project.Dependency, pinned string, w *writer) (string, error) {
	from, err := remote(d.From, in.dir)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(d.Revision, "-") || strings.ContainsAny(d.Revision, ":^~?*[\\ ") {
		return "", fmt.Errorf("%q is no branch, tag or commit", d.Revision)
	}
	if d.WarnUnpinned && slices.Contains([]string{"", "HEAD", "main", "master"}, d.Revision) {
		what := "is not pinned"
		if d.Revision != "" {
			what = fmt.Sprintf("is pinned to %q, which moves", d.Revision)
		}
		in.warn(warning(d, fmt.Sprintf("%s %s: `revision:` takes a tag or commit; %s holds what it is now", d.Shown, what, project.LockFile)))
	}
	temp, err := os.MkdirTemp("", "warehouse-deps-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	g := &repository{in: in, dir: temp, mask: d.Mask}
	if _, err := g.run("init", "--quiet", "--bare", "--template=", temp); err != nil {
		return "", err
	}
	want := d.Revision
	if pinned != "" {
		want = pinned
	}
	commit, err := g.fetch(from, want)
	if err != nil {
		return "", err
	}
	if pinned != "" && commit != pinned {
		return "", fmt.Errorf("the commit %s that %s pins is not there any more", pinned, project.LockFile)
	}
	return commit, g.export(commit, d.Subdirectory, w)
}

var scpLike = regexp.MustCompile(`^[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:[^:]`)

// remote checks that git will read the URL by https, ssh or from a file.
func remote(from, dir string) (string, error) {
	if strings.HasPrefix(from, "-") || strings.Contains(from, "::") {
		return "", errors.New("this is no URL of a repository")
	}
	if scpLike.MatchString(from) {
		return from, nil
	}
	if u, err := url.Parse(from); err == nil && u.Scheme != "" && len(u.Scheme) > 1 {
		switch u.Scheme {
		case "https", "ssh", "file":
			return from, nil
		}
		return "", fmt.Errorf("repositories are read by https, ssh or file, not by %s", u.Scheme)
	}
	if strings.HasPrefix(from, "github.com/") || strings.HasPrefix(from, "gitlab.com/") {
		return "https://" + from, nil // as dbt takes it
	}
	if !filepath.IsAbs(from) {
		from = filepath.Join(dir, from)
	}
	return from, nil
}

// repository is a bare one that holds what was fetched.
type repository struct {
	in   *installer
	dir  string
	mask func(string) string // takes secrets out of what git says
}

func (g *repository) command(args ...string) *exec.Cmd {
	safe := []string{"-c", "core.hooksPath=" + os.DevNull, "-c", "core.fsmonitor=false", "-c", "core.attributesFile=" + os.DevNull,
		"-c", "submodule.recurse=false", "-c", "fetch.recurseSubmodules=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false", "--git-dir=" + g.dir}
	cmd := exec.CommandContext(g.in.ctx, "git", append(safe, args...)...)
	cmd.Dir = g.dir
	for _, kv := range g.in.o.Environ {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "GIT_") || slices.Contains([]string{"GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_SSL_CAINFO", "GIT_EXEC_PATH"}, name) {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "GIT_ALLOW_PROTOCOL=https:ssh:file", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "LC_ALL=C")
	return cmd
}

func (g *repository) run(args ...string) ([]byte, error) {
	cmd := g.command(args...)
	var out, says bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &says
	if err := cmd.Run(); err != nil {
		return nil, g.failed(args[0], says.String(), err)
	}
	return out.Bytes(), nil
}

// gitError is what git said.
type gitError struct{ msg, advice string }

func (e *gitError) Error() string { return e.msg }
func (e *gitError) Hint() string  { return e.advice }

func (g *repository) failed(what, says string, err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return &gitError{"git is not installed", "install git, or use tarball: or local:"}
	}
	lines := strings.Split(strings.TrimSpace(g.mask(says)), "\n")
	said := lines[len(lines)-1]
	for _, l := range lines {
		if rest, ok := strings.CutPrefix(l, "fatal: "); ok {
			said = rest
			break
		}
	}
	e := &gitError{msg: "git " + what + ": " + said}
	switch {
	case strings.Contains(says, "Could not resolve host"), strings.Contains(says, "Failed to connect"), strings.Contains(says, "timed out"):
		e.advice = "there is no way to it from here: check the network, or put the package into a folder and use local:"
	case strings.Contains(says, "could not read Username"), strings.Contains(says, "Authentication failed"), strings.Contains(says, "Permission denied"):
		e.advice = "it needs credentials: an ssh key, a credential helper, or {{ env_var('DBT_ENV_SECRET_…') }} in the URL"
	}
	return e
}

var commitID = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// fetch brings a revision, as shallow as the other side can, and returns its
// commit.
func (g *repository) fetch(from, revision string) (string, error) {
	want := revision
	if want == "" {
		want = "HEAD"
	}
	_, err := g.run("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", from, want)
	if err != nil {
		if g.in.ctx.Err() != nil {
			return "", g.in.ctx.Err()
		}
		// A part of a commit's name, or a commit that the other side does not
		// give out by itself.
		if _, all := g.run("fetch", "--quiet", "--tags", "--no-recurse-submodules", "--", from, "+refs/heads/*:refs/heads/*"); all != nil {
			return "", all
		}
		if out, e := g.run("rev-parse", "--verify", "--quiet", "--end-of-options", want+"^{commit}"); e == nil {
			return strings.TrimSpace(string(out)), nil
		}
		if commitID.MatchString(want) {
			return "", fmt.Errorf("there is no commit %s", want)
		}
		return "", &gitError{fmt.Sprintf("there is no revision %q", revision), "revision: takes a branch, tag or commit"}
	}
	out, err := g.run("rev-parse", "--verify", "--quiet", "FETCH_HEAD^{commit}")
	return strings.TrimSpace(string(out)), err
}

// blob is a file of a tree.
type blob struct{ id, name string }

// export writes the files of a commit, or of a folder of it.
func (g *repository) export(commit, sub string, w *writer) error {
	tree := commit
	if sub != "" {
		clean := path.Clean(filepath.ToSlash(sub))
		if !filepath.IsLocal(clean) {
			return fmt.Errorf("subdirectory %q leads out of the repository", sub)
		}
		tree = commit + ":" + clean
	}
	list, err := g.run("ls-tree", "-r", "-z", "--full-tree", tree)
	if err != nil {
		if sub != "" {
			return fmt.Errorf("there is no folder %s in it", sub)
		}
		return err
	}
	var blobs []blob
	for _, line := range strings.Split(string(list), "\x00") {
		head, name, ok := strings.Cut(line, "\t")
		f := strings.Fields(head)
		if !ok || len(f) != 3 {
			continue
		}
		switch f[0] {
		case "100644", "100755", "100664":
			blobs = append(blobs, blob{f[2], name})
		case "120000":
			w.link(name)
		} // 160000 is a submodule
		if len(blobs) > maxFiles {
			return fmt.Errorf("it holds more than %d files", maxFiles)
		}
	}
	return g.blobs(blobs, w)
}

// blobs writes files, read from one git process.
func (g *repository) blobs(blobs []blob, w *writer) (err error) {
	cmd := g.command("cat-file", "--batch")
	var ask strings.Builder
	for _, b := range blobs {
		ask.WriteString(b.id + "\n")
	}
	cmd.Stdin = strings.NewReader(ask.String())
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return g.failed("cat-file", "", err)
	}
	defer func() {
		_ = out.Close()
		if waited := cmd.Wait(); err == nil {
			err = waited
		}
	}()
	r := bufio.NewReader(out)
	for _, b := range blobs {
		head, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		f := strings.Fields(head)
		if len(f) != 3 || f[1] != "blob" {
			return fmt.Errorf("git has no content for %s", b.name)
		}
		size, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			return err
		}
		if err := w.file(b.name, size, r); err != nil {
			return err
		}
		if _, err := r.Discard(1); err != nil {
			return err
		}
	}
	_, err = io.Copy(io.Discard, r)
	return err
}
