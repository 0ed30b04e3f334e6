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
	// Merge: a new row with the key of a published one is that row, with new
	// values in Update, or in all columns but Exclude.
	Merge           bool
	Update, Exclude []string
	// Predicates are conditions, over published rows (and new ones, if they name
	// DBT_INTERNAL_SOURCE), without which a published row is not replaced.
	Predicates []string
	// Batches, of a microbatch model: the rows of whole batches are replaced.
	Batches *Batches
}

// Updates says whether a new row's value of a column takes the place of the
// published one.
func (i *Increment) Updates(column string) bool {
	is := func(name string) bool { return strings.EqualFold(name, column) }
	if len(i.Update) > 0 {
		return slices.ContainsFunc(i.Update, is)
	}
	return !slices.ContainsFunc(i.Exclude, is)
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
var notHere = []string{"merge_clauses", "merge_update_condition", "merge_insert_condition", "merge_on_using_columns"}

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
		var wrong []*diag.Error
		inc.Key = nil
		inc.Batches, wrong = u.batches()
		errs = append(errs, wrong...)
	default:
		known := []string{"append", "delete+insert", "merge", "insert_overwrite", "microbatch"}
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
			errs = append(errs, configError(set, key+" is not supported",
				"take it out, and let the SELECT return rows as they shall be: {{ this }} has the published ones"))
		}
	}
	inc.Unique = inc.Unique && len(inc.Key) > 0
	inc.Merge = inc.Unique
	n.Increment = inc
	return append(errs, u.mergeConfig(inc)...)
}

// mergeConfig reads which columns a merge updates, and which published rows may
// be replaced at all.
func (u *unit) mergeConfig(inc *Increment) []*diag.Error {
	var errs []*diag.Error
	lists := map[string]*[]string{"merge_update_columns": &inc.Update, "merge_exclude_columns": &inc.Exclude, "incremental_predicates": &inc.Predicates, "predicates": &inc.Predicates}
	for _, key := range []string{"merge_update_columns", "merge_exclude_columns", "incremental_predicates", "predicates"} {
		set := u.node.config[key]
		texts, ok := textList(set.Value)
		merges := strings.HasPrefix(key, "merge_")
		switch {
		case len(texts) == 0 && ok:
		case !ok:
			errs = append(errs, configError(set, fmt.Sprintf("%s must be a text or a list of texts, not %s", key, jinja.Repr(set.Value)), ""))
		case merges && !inc.Merge, !merges && len(inc.Key) == 0 && inc.Batches == nil:
			e := configError(set, key+" has no meaning here and is ignored: "+map[bool]string{true: "only incremental_strategy merge, with unique_key, reads it",
				false: "no published row is replaced"}[merges], "")
			e.Warn = true
			errs = append(errs, e)
		case key == "predicates" && len(inc.Predicates) > 0:
		case key == "merge_exclude_columns" && len(inc.Update) > 0:
			errs = append(errs, configError(set, "both merge_update_columns and merge_exclude_columns", "keep one of them"))
		default:
			*lists[key] = texts
		}
	}
	return errs
}

// textList is a text, or a list of texts, as a list; false of anything else.
func textList(v jinja.Value) ([]string, bool) {
	items := []jinja.Value{v}
	switch v := v.(type) {
	case nil:
		return nil, true
	case *jinja.List:
		items = v.Items
	case jinja.Tuple:
		items = v
	}
	var out []string
	for _, it := range items {
		text, ok := it.(string)
		if !ok {
			return nil, false
		}
		if strings.TrimSpace(text) != "" {
			out = append(out, text)
		}
	}
	return out, true
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
