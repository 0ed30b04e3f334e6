package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
	"warehouse/runner/artifact"
	"warehouse/runner/project"
)

// sourceCmd holds what is about sources: freshness alone.
func (c *cli) sourceCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "source", Short: "`source freshness` says how old the sources are",
		Long: "What is about sources.", Args: between(1, 0, "a command: freshness"), RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(c.freshnessCmd())
	return cmd
}

func (c *cli) freshnessCmd() *cobra.Command {
	var sel selection
	cmd := &cobra.Command{
		Use:     "freshness [flags]",
		Aliases: []string{"snapshot-freshness"},
		Short:   "Say how old the sources are",
		Long: `Find out when each source's newest row was loaded, by its loaded_at_field or loaded_at_query, and
hold its age against warn_after and error_after. Sources without such a rule are left out. The
result is also written as target/sources.json. If a source is older than error_after or cannot be
asked, the exit code is 1.`,
		Example: `  warehouse source freshness
  warehouse source freshness --select source:raw
  warehouse build --select source_status:fresher+ --state yesterday`,
		Args: atMost(0),
	}
	sel.register(cmd)
	output := &formOrFile{choice: choice{value: "text", of: []string{"text", "json"}}}
	cmd.Flags().VarP(output, "output", "o", "form of the result, or the file to write instead of sources.json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		filter, err := sel.read(c, cmd)
		if err != nil {
			return err
		}
		file := output.file
		if file != "" {
			if file, err = filepath.Abs(file); err != nil {
				return err
			}
		}
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		rep, err := r.Freshness(cmd.Context(), runner.FreshnessOptions{Select: sel.include, Exclude: sel.exclude, Filter: filter})
		if err != nil {
			return err
		}
		c.writeArtifacts(cmd.Context(), r, runner.ArtifactOptions{Freshness: rep, SourcesFile: file})
		return c.printFreshness(rep, output.value)
	}
	return cmd
}

// formOrFile is --output of a command of dbt's that means a file by it.
type formOrFile struct {
	choice
	file string
}

func (f *formOrFile) Type() string { return "text|json|FILE" }
func (f *formOrFile) Set(s string) error {
	if strings.HasSuffix(s, ".json") || strings.ContainsAny(s, `/\`) {
		f.file = s
		return nil
	}
	return f.choice.Set(s)
}

func (c *cli) printFreshness(rep *runner.FreshnessReport, form string) error {
	var err error
	if form == "json" {
		docs := []ageDoc{}
		for i := range rep.Sources {
			docs = append(docs, ageJSON(&rep.Sources[i]))
		}
		err = c.printJSON(docs)
	} else if len(rep.Sources) > 0 {
		err = c.print(agesText(rep))
	}
	if err != nil {
		return err
	}
	if len(rep.Sources) == 0 {
		c.log.say("no source says how old it may be: freshness: {warn_after: {count: 12, period: hour}} does, beside loaded_at_field")
	}
	bad := false
	for i := range rep.Sources {
		a := &rep.Sources[i]
		bad = bad || a.Status == artifact.Error || a.Status == artifact.RuntimeError
		if a.Err != nil {
			c.log.fail(a.Err)
		}
	}
	if bad {
		return errNo
	}
	return nil
}

func agesText(rep *runner.FreshnessReport) string {
	t := &table{head: []string{"source", "status", "age", "loaded at", "rule"}}
	for i := range rep.Sources {
		a := &rep.Sources[i]
		age, at := "", ""
		if a.Err == nil {
			age, at = "never loaded", ""
			if !a.LoadedAt.IsZero() {
				age, at = ageText(int64(a.Seconds())), a.LoadedAt.Format("2006-01-02T15:04:05Z")
			}
		}
		t.add(a.Source+"."+a.Name, a.Status, age, at, ruleText(a.Rules))
	}
	return t.String()
}

func ruleText(f project.Freshness) string {
	var out []string
	for _, r := range []struct {
		word string
		rule *project.FreshnessRule
	}{{"warn", f.WarnAfter}, {"error", f.ErrorAfter}} {
		if r.rule != nil {
			out = append(out, r.word+" after "+count(r.rule.Count, r.rule.Period))
		}
	}
	return strings.Join(out, ", ")
}

// ageText is an age in its two largest units.
func ageText(s int64) string {
	sign := ""
	if s < 0 {
		sign, s = "-", -s
	}
	switch {
	case s >= 86400:
		return fmt.Sprintf("%s%dd %dh", sign, s/86400, s%86400/3600)
	case s >= 3600:
		return fmt.Sprintf("%s%dh %dm", sign, s/3600, s%3600/60)
	case s >= 60:
		return fmt.Sprintf("%s%dm %ds", sign, s/60, s%60)
	}
	return fmt.Sprintf("%s%ds", sign, s)
}

type ageDoc struct {
	ID         string   `json:"unique_id"`
	SourceName string   `json:"source_name"`
	Name       string   `json:"name"`
	Status     string   `json:"status"`
	LoadedAt   *string  `json:"max_loaded_at"`
	AskedAt    *string  `json:"snapshotted_at"`
	Age        *float64 `json:"max_loaded_at_time_ago_in_s"`
	Error      string   `json:"error,omitempty"`
}

func ageJSON(a *runner.SourceAge) ageDoc {
	doc := ageDoc{ID: a.ID, SourceName: a.Source, Name: a.Name, Status: a.Status, LoadedAt: jsonTime(a.LoadedAt), AskedAt: jsonTime(a.AskedAt)}
	if a.Err != nil {
		doc.Error = a.Err.Error()
	} else if !a.LoadedAt.IsZero() {
		age := a.Seconds()
		doc.Age = &age
	}
	return doc
}
