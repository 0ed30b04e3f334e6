package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write golden files and scripts anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"warehouse": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("USER", "ana")
			e.Setenv("HOME", e.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"shape": shape, "exits": exits},
	})
}

// shape writes what the last command printed on stdout and stderr into the
// files out and err, with all that differs from run to run replaced.
func shape(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: shape")
	}
	ts.Check(os.WriteFile(ts.MkAbs("out"), []byte(shaped(ts.ReadFile("stdout"))), 0o666))
	ts.Check(os.WriteFile(ts.MkAbs("err"), []byte(shaped(ts.ReadFile("stderr"))), 0o666))
}

var changing = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), "RUN-ID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00)?`), "TIME"},
	{regexp.MustCompile(`\b\d+\.\d\ds\b`), "0.00s"},
	{regexp.MustCompile(`"(elapsed|execution_time)": [\d.e-]+`), `"$1": 0`},
	{regexp.MustCompile(`(?m)^code .*\n`), ""}, // outside git there is none
	{regexp.MustCompile(`warehouse \S+ \(go.*\)`), "warehouse VERSION"},
	{regexp.MustCompile(`\b[0-9a-f]{16}…`), "DIGEST…"},
	{regexp.MustCompile(`\b\d{16}…`), "DIGEST…"},
	{regexp.MustCompile(`(?m)^(r\d+ +)[0-9a-f]{8} `), "${1}ID       "},
	{regexp.MustCompile(`(?m)^(by|tool) .*$`), "$1          …"},
	{regexp.MustCompile(`(?m)  ` + regexp.QuoteMeta(userName(Env{Environ: os.Environ()})) + `(  |$)`), "  ana$1"},
}

func shaped(s string) string {
	for _, c := range changing {
		s = c.re.ReplaceAllString(s, c.with)
	}
	return s
}

// exits runs a command that must end with the code: exits 2 warehouse build.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if e, ok := err.(*exec.ExitError); ok {
		code = e.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// golden holds got against testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; -update writes it anew\n--- got\n%s--- want\n%s", path, got, want)
	}
}

// inProcess runs a command line in this process.
func inProcess(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Main(args, Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err, Now: time.Now, Engines: engines,
		Exit: func(int) {}, Environ: []string{"USER=ana"}})
	return code, out.String(), err.String()
}

func TestUsage(t *testing.T) {
	var b strings.Builder
	for _, line := range []string{
		"", "--help", "build --help", "test -h", "runs --help", "runs show --help", "publish --help", "rollback --help",
		"query --help", "init --help", "verify --help", "tag --help", "untag --help", "compile --help", "parse --help", "ls --help", "version --help",
		"buidl", "buidl --select x", "--target dev buidl", "plan --help", "show --help", "source freshness --help", "docs generate --help", "debug --help", "clean --help", "help buidl", "runs shwo", "build --selct x", "build -z", "build --select", "build --select --fail-fast",
		"build x", "build --output yaml", "build --threads many", "build --threads -1", "build --lock-timeout soon", "build --log-format josn",
		"runs show", "query", "query ''", "publish", "publish a b", "tag latest", "untag", "ls --resource-type modle",
		"build --vars {a:1}", "build --vars [1]", "compile --inline x --select y", "runs --limit -1", "query x --limit -1",
	} {
		args := strings.Fields(line)
		for i, a := range args {
			if a == "''" {
				args[i] = ""
			}
		}
		code, out, err := inProcess(args...)
		fmt.Fprintf(&b, "$ warehouse %s\n", line)
		for _, part := range []struct{ name, text string }{{"stdout", out}, {"stderr", err}} {
			if part.text != "" {
				fmt.Fprintf(&b, "[%s]\n%s", part.name, part.text)
			}
		}
		fmt.Fprintf(&b, "[exit code %d]\n\n", code)
	}
	golden(t, "usage.txt", b.String())
}
