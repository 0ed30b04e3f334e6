package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"warehouse/runner/engine"
)

// trinoCLI is Trino's command line client, the jar of io.trino:trino-cli.
type trinoCLI string

// resend is the function of that name by this client: all statements in one
// process, whose start is measured with a SELECT 1 and taken off.
func (jar trinoCLI) resend(p place, log []engine.Statement, from, to string) (time.Duration, error) {
	dir, err := os.MkdirTemp("", "warehouse-bench-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	var b strings.Builder
	failed := 0
	for _, s := range log {
		if s.Err != nil {
			failed++ // it asked for what is not there yet, and does so again
		}
		b.WriteString(strings.ReplaceAll(immediate(s), from, to) + "\n;\n")
	}
	start, err := jar.run(p, to, filepath.Join(dir, "one.sql"), "SELECT 1;\n", 0)
	if err != nil {
		return 0, err
	}
	took, err := jar.run(p, to, filepath.Join(dir, "all.sql"), b.String(), failed)
	return took - start, err
}

func (jar trinoCLI) run(p place, schema, file, text string, failed int) (time.Duration, error) {
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		return 0, err
	}
	args := []string{"-jar", string(jar), "--server", strings.Replace(p.target.DSN, "bench@", "", 1), "--user", "bench", "--catalog", p.target.Catalog, "--schema", schema,
		"--timezone", "UTC", "--ignore-errors", "--output-format", "NULL", "-f", file}
	for _, name := range []string{"use_preferred_write_partitioning", "scale_writers", "redistribute_writes"} {
		args = append(args, "--session", name+"=false")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	begun := time.Now()
	out, err := exec.CommandContext(ctx, "java", args...).CombinedOutput()
	took := time.Since(begun)
	if n := strings.Count(string(out), " failed: "); n > failed || err != nil && n == 0 {
		return 0, fmt.Errorf("trino-cli: %d statements failed, of the build %d: %v: %.2000s", n, failed, err, out)
	}
	return took, nil
}

// immediate is a statement with its parameters in its text.
func immediate(s engine.Statement) string {
	if len(s.Args) == 0 {
		return s.SQL
	}
	values := make([]string, len(s.Args))
	for i, a := range s.Args {
		switch a := a.(type) {
		case string:
			values[i] = engine.Literal(a)
		case nil:
			values[i] = "NULL"
		case time.Time:
			values[i] = "TIMESTAMP " + engine.Literal(a.UTC().Format("2006-01-02 15:04:05.000000 UTC"))
		default:
			values[i] = fmt.Sprint(a)
		}
	}
	return "EXECUTE IMMEDIATE " + engine.Literal(s.SQL) + " USING " + strings.Join(values, ", ")
}
