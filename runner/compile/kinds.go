package compile

import (
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// Increment is how the rows of an incremental model become a run: those of the
// published run that are not replaced, and those of its SELECT.
type Increment struct {
	// Key names columns: a row of the published run is replaced by rows of the
	// SELECT with the same values, NULL being equal to NULL. Without a key no
	// row is replaced.
	Key []string
	// Unique: no two rows of a run may have the same key.
	Unique bool
	// KeepColumns: a column that the SELECT no longer returns stays, as NULL in
	// new rows.
	KeepColumns bool
}

// kindErrors tells what in a node's config does not go with its kind.
func (u *unit) kindErrors() []*diag.Error {
	n := u.node
	n.Increment = nil
	_, named := n.config["created_at_column"]
	n.Config.CreatedAtYields = !u.r.strict && !named // in an unmodified dbt project the model's column wins
	kind, set := n.config["materialized"]
	switch n.Config.Materialized {
	case Seed:
		if n.Resource != Seed {
			return []*diag.Error{configError(kind, "a seed is a CSV file below seeds: a model cannot be one", "take materialized out, or choose mart, incremental, view or ephemeral")}
		}
	case Snapshot:
		if n.Resource != Snapshot {
			return []*diag.Error{configError(kind, "a snapshot stands in snapshots: a model cannot be one", "move the SELECT into a snapshot block, or choose mart, incremental, view or ephemeral")}
		}
	default:
		if n.Resource == Seed && set {
			return []*diag.Error{configError(kind, fmt.Sprintf("a seed is stored as a seed, not as %s", n.Config.Materialized), "take materialized out; a model that selects from the seed can be anything")}
		}
	}
	if n.Resource == Seed {
		return nil
	}
	if n.Config.Materialized == "incremental" {
		return u.increment()
	}
	return nil
}

// notHere are configs of incremental models that would change which rows a run
// has.
var notHere = []string{"merge_update_columns", "merge_exclude_columns", "merge_clauses", "merge_update_condition", "merge_insert_condition",
	"merge_on_using_columns"}

// increment reads the config of an incremental model.
func (u *unit) increment() []*diag.Error {
	n := u.node
	var errs []*diag.Error
	inc := &Increment{Key: n.Config.UniqueKey}
	set := n.config["incremental_strategy"]
	fail := func(advice, format string, args ...any) {
		errs = append(errs, configError(set, fmt.Sprintf(format, args...), advice))
	}
	switch s := strings.ToLower(n.Config.IncrementalStrategy); s {
	case "", "default":
		// dbt-duckdb's default deletes and inserts, and asks for no unique keys.
		inc.Unique = u.r.strict
	case "append":
		inc.Key = nil
	case "delete+insert":
	case "merge":
		inc.Unique = true
	case "insert_overwrite":
		if inc.Key = partition(n.config, inc.Key); len(inc.Key) == 0 {
			fail("set partition_by to the columns whose values are replaced as a whole, or use delete+insert with unique_key",
				"insert_overwrite needs partition_by, to know which rows of the published run are replaced")
		}
	case "microbatch":
		fail("use delete+insert with unique_key: [the column that tells batches apart], and filter by time behind is_incremental()",
			"incremental_strategy microbatch is not supported: a run is one SELECT, not a row of batches")
	default:
		known := []string{"append", "delete+insert", "merge", "insert_overwrite"}
		msg := fmt.Sprintf("unknown incremental_strategy %q", s)
		if near := diag.Nearest(s, known); near != "" {
			msg += fmt.Sprintf("; did you mean %q?", near)
		}
		fail("strategies: "+strings.Join(known, ", "), "%s", msg)
	}
	if v, ok := n.config["on_schema_change"].Value.(string); ok {
		inc.KeepColumns = strings.EqualFold(v, "append_new_columns")
	}
	for _, key := range notHere {
		if set, ok := n.config[key]; ok && set.Value != nil {
			errs = append(errs, configError(set, key+" is not supported: a row of the published run is replaced as a whole",
				"take it out, and let the SELECT return rows as they shall be: {{ this }} has the published ones"))
		}
	}
	for _, key := range []string{"incremental_predicates", "predicates"} {
		if set, ok := n.config[key]; ok && set.Value != nil {
			e := configError(set, key+" has no meaning here and is ignored: all rows of the published run are compared", "")
			e.Warn = true
			errs = append(errs, e)
		}
	}
	inc.Unique = inc.Unique && len(inc.Key) > 0
	n.Increment = inc
	return errs
}

// partition are the columns of partition_by: a text, a list, or a mapping with
// field.
func partition(c project.Config, key []string) []string {
	v := c["partition_by"].Value
	if d, ok := v.(*jinja.Dict); ok {
		v, _ = d.Get("field")
	}
	var out []string
	switch v := v.(type) {
	case string:
		out = []string{v}
	case *jinja.List:
		for _, it := range v.Items {
			out = append(out, jinja.Str(it))
		}
	}
	if len(out) == 0 {
		return key
	}
	return slices.Clip(out)
}

// configError is an error at a config value.
func configError(s project.Setting, msg, advice string) *diag.Error {
	return &diag.Error{Pos: s.Pos, Span: s.Span, Source: s.Source, Msg: msg, Advice: advice}
}

// snapshots tells that snapshots are left out, before anybody misses their
// rows.
func (c *compiler) snapshots() {
	leave := func(name string, at diag.Pos) {
		c.names.others[name] = fmt.Sprintf("a snapshot (%s), and snapshots are not supported", at)
		c.errs.Add(&diag.Error{Pos: at, Warn: true, Msg: fmt.Sprintf("snapshot '%s' is left out: snapshots are not supported", name),
			Advice: "every run keeps its rows: a mart that selects the source, and its runs, are such a history"})
	}
	for _, f := range c.project.Snapshots {
		for _, b := range f.Template.Blocks() {
			if b.Kind == Snapshot {
				leave(b.Name, b.Pos)
			}
		}
	}
	for _, e := range c.project.Entries[Snapshot] {
		if c.names.others[e.Name] == "" {
			leave(e.Name, e.Pos)
		}
	}
}
