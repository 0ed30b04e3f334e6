package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocs types what docs/commands.md shows and compares what comes back, up
// to ids and times. -update writes the output anew.
func TestDocs(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "commands.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := &docs{t: t, dir: t.TempDir(), update: *update}
	var out strings.Builder
	for i, part := range strings.Split(string(text), "```") {
		if i > 0 {
			out.WriteString("```")
		}
		if body, ok := strings.CutPrefix(part, "console\n"); ok && i%2 == 1 {
			part = "console\n" + d.block(body)
		}
		out.WriteString(part)
	}
	if *update && out.String() != string(text) {
		if err := os.WriteFile(path, []byte(out.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

type docs struct {
	t      *testing.T
	dir    string
	update bool
}

// block runs the commands of a block: lines that begin with "$ ", each with
// what it prints below.
func (d *docs) block(body string) string {
	var out strings.Builder
	for _, entry := range strings.Split("\n"+body, "\n$ ")[1:] {
		command, want, _ := strings.Cut(entry, "\n")
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		if dir, ok := strings.CutPrefix(command, "cd "); ok {
			d.dir = filepath.Join(d.dir, dir)
			out.WriteString("$ " + command + "\n")
			continue
		}
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir = d.dir
		cmd.Env = append(os.Environ(), "USER=ana", "WAREHOUSE_THREADS=1", "GIT_CEILING_DIRECTORIES=/")
		got, err := cmd.CombinedOutput()
		if _, exited := err.(*exec.ExitError); err != nil && !exited {
			d.t.Fatal(err)
		}
		if shaped(string(got)) != shaped(want) {
			if d.update {
				want = string(got)
			} else {
				d.t.Errorf("$ %s\n--- prints\n%s--- in the docs\n%s", command, got, want)
			}
		}
		out.WriteString("$ " + command + "\n" + want)
	}
	return out.String()
}
