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
	var ignored []*diag.Error
	if set := n.config["partition_by"]; set.Value != nil && !strings.EqualFold(n.Config.IncrementalStrategy, "insert_overwrite") {
		e := configError(set, "partition_by has no meaning here and is ignored", "only incremental_strategy insert_overwrite reads it")
		e.Warn = true
		ignored = append(ignored, e)
	}
	return append(ignored, u.ofKind()...)
}

// ofKind is what does not go with the kind alone, and reads the config that only
// the kind has.
func (u *unit) ofKind() []*diag.Error {
	n := u.node
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
		if (n.Resource == Seed || n.Resource == Snapshot) && set {
			return []*diag.Error{configError(kind, fmt.Sprintf("a %s is stored as a %[1]s, not as %s", n.Resource, n.Config.Materialized),
				fmt.Sprintf("take materialized out; a model that selects from the %s can be anything", n.Resource))}
		}
	}
	switch n.Resource {
	case Seed:
		return nil
	case Snapshot:
		n.Config.Materialized = Snapshot
		return u.snapshotConfig()
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
