package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
)

func (c *cli) lsCmd() *cobra.Command {
	var sel selection
	cmd := &cobra.Command{
		Use:     "ls [flags]",
		Aliases: []string{"list"},
		Short:   "List models, data tests and sources",
		Long: `List what a selection names: models, data tests and sources, in the order of the graph. Each line can be
given to --select. --output json is an object a line, with dbt's keys.`,
		Example: `  warehouse ls
  warehouse ls --select +mart_orders --resource-type model
  warehouse ls --select tag:nightly,path:models/marts --output json
  warehouse ls --output json --output-keys unique_id depends_on`,
		Args: atMost(0),
	}
	sel.register(cmd)
	var keys []string
	cmd.Flags().StringArrayVar(&keys, "output-keys", nil, "`keys` of each object of --output json")
	output := outputFlag(cmd, "text", "json", "name", "path", "selector")
	output.same = map[string]string{"selector": "text"}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		collectLate()
		filter, err := sel.read(c, cmd)
		if err != nil {
			return err
		}
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		nodes, err := r.List(cmd.Context(), runner.ListOptions{Select: sel.include, Exclude: sel.exclude, Filter: filter, Config: output.value == "json"})
		if err != nil {
			return err
		}
		switch output.value {
		case "json":
			return c.printListed(nodes, keys)
		case "name":
			return c.print(eachListed(nodes, func(n runner.Listed) string { return n.Name }))
		case "path":
			return c.print(eachListed(nodes, func(n runner.Listed) string { return n.File }))
		}
		return c.print(listText(nodes))
	}
	return cmd
}

// listText has a selector a line, as dbt lists nodes.
func listText(nodes []runner.Listed) string {
	var b strings.Builder
	for _, n := range nodes {
		name := strings.Join(n.FQN, ".")
		if n.Resource == "source" {
			name = "source:" + name
		}
		if len(n.FQN) == 0 {
			name = n.Name
		}
		b.WriteString(clean(name) + "\n")
	}
	return b.String()
}

func eachListed(nodes []runner.Listed, of func(runner.Listed) string) string {
	var b strings.Builder
	for _, n := range nodes {
		b.WriteString(clean(of(n)) + "\n")
	}
	return b.String()
}

// printListed writes an object a line, as dbt does. Without keys it has those
// that dbt prints by default; what a node does not have is left out.
func (c *cli) printListed(nodes []runner.Listed, keys []string) error {
	if len(keys) == 0 {
		keys = []string{"alias", "name", "package_name", "depends_on", "tags", "config", "resource_type", "source_name", "original_file_path", "unique_id", "state"}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, n := range nodes {
		all, doc := listedDoc(n), map[string]any{}
		for _, text := range keys {
			for _, key := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
				if v, ok := all[key]; ok {
					doc[key] = v
				}
			}
		}
		if err := enc.Encode(doc); err != nil {
			return err
		}
	}
	_, err := c.out.Write(c.mask.json(b.Bytes()))
	return err
}

func listedDoc(n runner.Listed) map[string]any {
	config := map[string]any{}
	for key, v := range n.Config {
		config[key] = v
	}
	config["tags"] = some(n.Tags)
	if n.Kind == "mart" {
		config["materialized"] = "table" // dbt's word
	}
	if meta, _ := config["meta"].(map[string]any); meta == nil {
		config["meta"] = map[string]any{}
	}
	alias := n.Alias
	if alias == "" {
		alias = n.Name
	}
	doc := map[string]any{"name": n.BaseName(), "package_name": n.Package, "depends_on": map[string]any{"nodes": n.Parents}, "tags": n.Tags, "config": config,
		"resource_type": n.Resource, "original_file_path": n.File, "unique_id": n.ID, "fqn": n.FQN, "description": n.Description}
	if n.Version != nil {
		doc["version"] = n.Version
	}
	if n.Because != "" {
		doc["state"] = n.Because
	}
	if n.SourceName != "" {
		doc["source_name"] = n.SourceName
	} else {
		doc["alias"] = alias
	}
	return doc
}
