package compile

import (
	"fmt"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// History is how a snapshot's SELECT is folded into its published rows. Texts
// are SQL over the SELECT, most often the name of a column.
type History struct {
	Key       []string // unique_key
	UpdatedAt string   // of strategy timestamp, or given for check; "": the time of the run
	Check     []string // of strategy check: columns that are compared
	CheckAll  bool     // all of them
	Timestamp bool     // strategy timestamp: a row changed if UpdatedAt is later than it was
	Close     bool     // rows that the SELECT no longer returns end
	Mark      bool     // and a row that says so begins
	Current   string   // dbt_valid_to of rows that hold; "": NULL
	ScdID     string   // names of the added columns
	Updated   string
	From, To  string
	Deleted   string // of Mark
}

// Columns are the names of the columns that are added to those of the SELECT.
func (h *History) Columns() []string {
	out := []string{h.ScdID, h.Updated, h.From, h.To}
	if h.Mark {
		out = append(out, h.Deleted)
	}
	return out
}

// snapshot renders a snapshot and reads its config.
func (c *compiler) snapshot(s *project.Snapshot) unit {
	n := &Node{
		Config: &project.ModelConfig{},
		ID:     s.ID(), Name: s.Name, Package: s.Package, Resource: Snapshot, File: s.File, Pos: s.Pos, FQN: s.FQN, RawSQL: s.Source, template: s.Template,
		Table: engine.Relation{Schema: c.project.Target.StorageSchema, Name: s.Name},
	}
	u := unit{r: &render{env: c.env, ctx: c.ctx, node: n, pkg: s.Package, layers: s.Layers, above: s.Over}, node: n}
	if y := s.YAML; y != nil {
		n.entry = y
		n.Description, n.Columns = u.describe(y.Description, y.Pos), u.describeColumns(y.Columns)
	}
	_, u.err = s.Template.Render(c.ctx, u.r.options())
	u.configure()
	n.Kind = Snapshot
	u.hooks()
	return u
}

// historyReader reads the config of a snapshot.
type historyReader struct {
	n    *Node
	h    *History
	errs []*diag.Error
}

// snapshotConfig reads the config of a snapshot.
func (u *unit) snapshotConfig() []*diag.Error {
	r := historyReader{n: u.node, h: &History{Key: u.node.Config.UniqueKey}}
	r.strategy()
	if len(r.h.Key) == 0 {
		r.fail("unique_key", "name the columns that tell the rows of the SELECT apart: unique_key: id", "a snapshot needs unique_key")
	}
	r.deletes()
	r.names()
	r.h.Current = r.text("dbt_valid_to_current")
	u.node.Snapshot = r.h
	return r.errs
}

// fail notes an error at a config key, or at the snapshot if it is not set.
func (r *historyReader) fail(key, advice, format string, args ...any) {
	set, ok := r.n.config[key]
	if !ok || set.Pos.File == "" {
		set = project.Setting{Pos: r.n.Pos}
	}
	r.errs = append(r.errs, configError(set, fmt.Sprintf(format, args...), advice))
}

// text is a config value that must be a text.
func (r *historyReader) text(key string) string {
	switch v := r.n.config[key].Value.(type) {
	case nil:
	case string:
		return strings.TrimSpace(v)
	default:
		r.fail(key, "", "%s must be a text, not %s", key, jinja.Repr(v))
	}
	return ""
}

func (r *historyReader) strategy() {
	h := r.h
	h.UpdatedAt = r.text("updated_at")
	switch s := r.text("strategy"); s {
	case "timestamp":
		if h.Timestamp = true; h.UpdatedAt == "" {
			r.fail("strategy", "updated_at: the column that says when a row changed last", "strategy timestamp needs updated_at")
		}
	case "check":
		switch v := r.n.config["check_cols"].Value.(type) {
		case string:
			if h.CheckAll = v == "all"; !h.CheckAll {
				h.Check = []string{v}
			}
		case *jinja.List:
			for _, it := range v.Items {
				h.Check = append(h.Check, jinja.Str(it))
			}
		}
		if !h.CheckAll && len(h.Check) == 0 {
			r.fail("check_cols", "check_cols: all, or a list of columns", "strategy check needs check_cols")
		}
	case "":
		r.fail("strategy", "strategy: timestamp with updated_at, or strategy: check with check_cols", "a snapshot needs a strategy")
	default:
		msg := fmt.Sprintf("unknown snapshot strategy %q", s)
		if near := diag.Nearest(s, []string{"timestamp", "check"}); near != "" {
			msg += fmt.Sprintf("; did you mean %q?", near)
		}
		r.fail("strategy", "strategies: timestamp, check; strategies of one's own are not supported", "%s", msg)
	}
}

// deletes reads what becomes of rows that the SELECT no longer returns.
func (r *historyReader) deletes() {
	old, set := r.n.config["invalidate_hard_deletes"].Value.(bool)
	mode := r.text("hard_deletes")
	switch {
	case mode != "" && set:
		r.fail("hard_deletes", "remove invalidate_hard_deletes: hard_deletes: invalidate means the same", "both hard_deletes and invalidate_hard_deletes")
	case mode == "invalidate" || old:
		r.h.Close = true
	case mode == "new_record":
		r.h.Close, r.h.Mark = true, true
	case mode != "" && mode != "ignore":
		r.fail("hard_deletes", "values: ignore, invalidate, new_record", "unknown value of hard_deletes: %q", mode)
	}
}

// names reads what the added columns are called.
func (r *historyReader) names() {
	h := r.h
	to := map[string]*string{"dbt_scd_id": &h.ScdID, "dbt_updated_at": &h.Updated, "dbt_valid_from": &h.From, "dbt_valid_to": &h.To, "dbt_is_deleted": &h.Deleted}
	known := []string{"dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted"}
	for _, key := range known {
		*to[key] = key
	}
	const all = "snapshot_meta_column_names"
	v := r.n.config[all].Value
	if v == nil {
		return
	}
	given, ok := v.(*jinja.Dict)
	if !ok {
		r.fail(all, "", "%s must be a mapping, not %s", all, jinja.Repr(v))
		return
	}
	for _, it := range given.Items() {
		key, name := jinja.Str(it.Key), jinja.Str(it.Value)
		switch {
		case to[key] == nil:
			r.fail(all, "keys: "+strings.Join(known, ", "), "unknown key %q in %s", key, all)
		case it.Value == nil:
		case strings.TrimSpace(name) == "":
			r.fail(all, "", "%s of %s is empty", key, all)
		default:
			*to[key] = name
		}
	}
}
