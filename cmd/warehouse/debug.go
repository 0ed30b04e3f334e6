package main

import (
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"warehouse/runner"
)

func (c *cli) debugCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "debug [flags]",
		Short: "Say what is used: project, profile, target, engine, connection",
		Long: `Say which project, profile and target are used, load the project, connect to the target, and say
what is wrong with each. Nothing is made or changed.`,
		Example: `  warehouse debug
  warehouse debug --target prod`,
		Args: atMost(0),
	}
	connection := cmd.Flags().Bool("connection", false, "the connection alone")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		checks, errs := c.debugChecks(cmd, *connection)
		if cmd.Context().Err() != nil {
			return cmd.Context().Err()
		}
		var err error
		if output.value == "json" {
			err = c.printJSON(checks)
		} else {
			t := &table{head: []string{"what", "is", ""}}
			for _, ch := range checks {
				word := "ok"
				if !ch.OK {
					word = "error"
				}
				t.add(ch.What, word, ch.Found)
			}
			err = c.print(t.String())
		}
		for _, e := range errs {
			c.log.fail(e)
		}
		if err == nil && len(errs) > 0 {
			err = errNo
		}
		return err
	}
	return cmd
}

// check is one line of debug.
type check struct {
	What  string `json:"check"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
}

// debugChecks makes the checks in their order; what a failed one needs is left
// out behind it.
func (c *cli) debugChecks(cmd *cobra.Command, connection bool) (checks []check, errs []error) {
	add := func(what, found string, err error) bool {
		if err != nil {
			errs = append(errs, err)
			if found == "" {
				found = "see below"
			}
		}
		checks = append(checks, check{What: what, OK: err == nil, Found: found})
		return err == nil
	}
	if !connection {
		add("warehouse", fmt.Sprintf("%s, %s/%s", version(), runtime.GOOS, runtime.GOARCH), nil)
	}
	r, err := c.open(cmd.Context())
	if err != nil {
		add("project", "", err)
		return checks, errs
	}
	p := r.Project()
	if !connection {
		add("project", fmt.Sprintf("%s, of %s", p.Name, filepath.Join(p.Dir, p.File)), nil)
	}
	t := p.Target
	place := t.Path
	if rel, err := filepath.Rel(p.Dir, place); err == nil && filepath.IsLocal(rel) {
		place = rel
	}
	if place == "" {
		place = t.Catalog
	}
	add("target", fmt.Sprintf("%s: %s, %s", t.Name, t.Type, place), nil)
	conn, err := r.Connect(cmd.Context())
	add("connection", connectionText(t.Type, conn, err), err)
	if connection {
		return checks, errs
	}
	var nodes []runner.Listed
	if err = r.Check(cmd.Context()); err == nil {
		nodes, err = r.List(cmd.Context(), runner.ListOptions{})
	}
	n := countNodes(nodes)
	found := ""
	if err == nil {
		found = fmt.Sprintf("%s, %s, %s", count(n["model"], "model"), count(n["test"], "data test"), count(n["source"], "source"))
	}
	add("models", found, err)
	return checks, errs
}

func connectionText(engine string, conn runner.Connection, err error) string {
	switch {
	case err != nil:
		return ""
	case !conn.Exists:
		return fmt.Sprintf("%s %s; the database does not exist yet: the first build makes it", engine, conn.Version)
	case conn.Runs == 0:
		return fmt.Sprintf("%s %s; no runs yet", engine, conn.Version)
	}
	return fmt.Sprintf("%s %s; the newest run is r%d", engine, conn.Version, conn.Runs)
}
