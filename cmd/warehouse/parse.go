package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"warehouse/runner"
)

func (c *cli) parseCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "parse [flags]",
		Short: "Load and render the whole project, and say what is wrong with it",
		Long: `Load and render the whole project without touching the target, and print every error that is found,
not only the first.`,
		Example: `  warehouse parse
  warehouse parse --target prod --vars '{min_votes: 5}'`,
		Args: atMost(0),
	}
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		collectLate()
		r, err := c.open(cmd.Context())
		if err == nil {
			err = r.Check(cmd.Context())
		}
		if cmd.Context().Err() != nil {
			return cmd.Context().Err()
		}
		var nodes []runner.Listed
		if err == nil {
			nodes, err = r.List(cmd.Context(), runner.ListOptions{})
		}
		if err == nil {
			c.writeArtifacts(cmd.Context(), r, runner.ArtifactOptions{})
		}
		if output.value == "json" {
			if perr := c.printJSON(parseJSON(r, nodes, err)); perr != nil {
				return perr
			}
		}
		if err != nil {
			return err
		}
		if output.value == "json" {
			return nil
		}
		n := countNodes(nodes)
		return c.print(fmt.Sprintf("%s: %s, %s, %s: no errors\n", clean(r.Project().Name), count(n["model"], "model"), count(n["test"], "data test"),
			count(n["source"], "source")))
	}
	return cmd
}

func countNodes(nodes []runner.Listed) map[string]int {
	n := map[string]int{}
	for _, node := range nodes {
		n[node.Resource]++
	}
	return n
}

type parseDoc struct {
	OK      bool         `json:"ok"`
	Project string       `json:"project,omitempty"`
	Models  int          `json:"models"`
	Tests   int          `json:"tests"`
	Sources int          `json:"sources"`
	Errors  []problemDoc `json:"errors"`
}

type problemDoc struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func parseJSON(r *runner.Runner, nodes []runner.Listed, err error) parseDoc {
	n := countNodes(nodes)
	doc := parseDoc{OK: err == nil, Models: n["model"], Tests: n["test"], Sources: n["source"], Errors: []problemDoc{}}
	if r != nil {
		doc.Project = r.Project().Name
	}
	if err != nil {
		for _, p := range problems(err) {
			doc.Errors = append(doc.Errors, problemDoc{p.pos.File, p.pos.Line, p.pos.Col, p.msg, p.hint})
		}
	}
	return doc
}
