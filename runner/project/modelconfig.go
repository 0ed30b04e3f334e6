package project

import (
	"maps"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
)

// ModelConfig is a model's config, decoded.
type ModelConfig struct {
	Materialized    string // "mart", "view", "ephemeral", "incremental", "seed", "snapshot"
	Enabled         bool
	RunIDColumn     string
	CreatedAtColumn string // "": none
	// CreatedAtYields: where the SELECT returns a column of that name, the model's
	// column is stored and ours is left out.
	CreatedAtYields     bool
	PrimaryKey          []string
	PrimaryKeyEnforced  bool
	OnSchemaChange      string // "evolve" or "fail"
	ContractEnforced    bool
	ContractAliasTypes  bool
	Tags                []string
	Meta                map[string]any
	Alias, Schema       string
	Database            string
	UniqueKey           []string
	IncrementalStrategy string
	FullRefresh         *bool
	Retention           *Retention
	Vars                map[string]any
	Closed              string // raw: rendered when the guard runs
	MaxChange           *MaxChange
	Tolerance           map[string]Tolerance // of a diff, by lower-cased column; "": of all numbers
	FloatTolerance      *float64             // a share
	PreHook, PostHook   []Setting            // raw text, or a dict {sql, transaction}
	ColumnTypes         map[string]string
	Delimiter           string // of a seed's file
	QuoteColumns        bool   // of a seed's file
	Group, Access       string
	EventTime           string
	Extra               Config // known keys that have no field here
}

// MaxChange bounds how far a mart may move from the published run.
type MaxChange struct {
	RowsAdded, RowsRemoved, RowsChanged *Bound
	Sum                                 map[string]Bound
}

// Bound is a number of rows or a share.
type Bound struct {
	Value   float64 // 10 for 10%
	Percent bool
}

// Tolerance is how far two numbers may differ and count as equal: by Absolute,
// or by Relative times the greater one.
type Tolerance struct{ Absolute, Relative float64 }

// TestConfig is a data test's config, decoded.
type TestConfig struct {
	Severity      string // "error" or "warn"
	WarnIf        string // "!= 0"
	ErrorIf       string // "!= 0"
	Where         string // raw: rendered in the test's context
	FailCalc      string // "count(*)"
	Limit         int    // 0: none
	StoreFailures bool
	StoreAs       string
	Tags          []string
	Meta          map[string]any
	Enabled       bool
	Alias, Schema string
	Database      string
	Group         string
}

// modelKinds are the known materializations.
var modelKinds = map[string]string{"mart": "mart", "table": "mart", "view": "view", "ephemeral": "ephemeral",
	"incremental": "incremental", "seed": "seed", "snapshot": "snapshot"}

// schemaChanges are the values of on_schema_change; dbt's are kinds of evolve.
var schemaChanges = map[string]string{"evolve": "evolve", "fail": "fail", "append_new_columns": "evolve", "sync_all_columns": "evolve", "ignore": "evolve"}

// modelFields reads each config key into its field.
var modelFields = map[string]func(*decoder, *ModelConfig, Setting){
	"materialized": func(d *decoder, c *ModelConfig, s Setting) {
		c.Materialized = d.materialized(s)
	},
	"enabled":              func(d *decoder, c *ModelConfig, s Setting) { c.Enabled = d.bool(s, "enabled") },
	"run_id_column":        func(d *decoder, c *ModelConfig, s Setting) { c.RunIDColumn = d.runIDColumn(s) },
	"created_at_column":    func(d *decoder, c *ModelConfig, s Setting) { c.CreatedAtColumn = d.name(s, "created_at_column") },
	"primary_key":          func(d *decoder, c *ModelConfig, s Setting) { c.PrimaryKey = d.columns(s, "primary_key") },
	"primary_key_enforced": func(d *decoder, c *ModelConfig, s Setting) { c.PrimaryKeyEnforced = d.bool(s, "primary_key_enforced") },
	"on_schema_change": func(d *decoder, c *ModelConfig, s Setting) {
		c.OnSchemaChange = d.word(s, "on_schema_change", schemaChanges)
	},
	"contract":             func(d *decoder, c *ModelConfig, s Setting) { d.contract(c, s) },
	"tags":                 func(d *decoder, c *ModelConfig, s Setting) { c.Tags = d.texts(s, "tags") },
	"meta":                 func(d *decoder, c *ModelConfig, s Setting) { c.Meta = d.plainDict(s, "meta") },
	"alias":                func(d *decoder, c *ModelConfig, s Setting) { c.Alias = d.name(s, "alias") },
	"schema":               func(d *decoder, c *ModelConfig, s Setting) { c.Schema = d.name(s, "schema") },
	"database":             func(d *decoder, c *ModelConfig, s Setting) { c.Database = d.name(s, "database") },
	"unique_key":           func(d *decoder, c *ModelConfig, s Setting) { c.UniqueKey = d.columns(s, "unique_key") },
	"incremental_strategy": func(d *decoder, c *ModelConfig, s Setting) { c.IncrementalStrategy = d.text(s, "incremental_strategy") },
	"full_refresh":         func(d *decoder, c *ModelConfig, s Setting) { c.FullRefresh = d.maybeBool(s, "full_refresh") },
	"retention":            func(d *decoder, c *ModelConfig, s Setting) { c.Retention = decodeRetention(d, s) },
	"vars":                 func(d *decoder, c *ModelConfig, s Setting) { c.Vars = d.plainDict(s, "vars") },
	"closed":               func(d *decoder, c *ModelConfig, s Setting) { c.Closed = d.text(s, "closed") },
	"max_change":           func(d *decoder, c *ModelConfig, s Setting) { c.MaxChange = d.maxChange(s) },
	"float_tolerance": func(d *decoder, c *ModelConfig, s Setting) {
		t := d.bound(s, "float_tolerance", s.Value).share()
		c.FloatTolerance = &t
	},
	"tolerance":     func(d *decoder, c *ModelConfig, s Setting) { c.Tolerance = d.tolerances(s) },
	"pre_hook":      func(d *decoder, c *ModelConfig, s Setting) { c.PreHook = d.hooks(s, "pre_hook") },
	"post_hook":     func(d *decoder, c *ModelConfig, s Setting) { c.PostHook = d.hooks(s, "post_hook") },
	"column_types":  func(d *decoder, c *ModelConfig, s Setting) { c.ColumnTypes = d.textDict(s, "column_types") },
	"delimiter":     func(d *decoder, c *ModelConfig, s Setting) { c.Delimiter = d.text(s, "delimiter") },
	"quote_columns": func(d *decoder, c *ModelConfig, s Setting) { c.QuoteColumns = d.bool(s, "quote_columns") },
	"group":         func(d *decoder, c *ModelConfig, s Setting) { c.Group = d.text(s, "group") },
	"access":        func(d *decoder, c *ModelConfig, s Setting) { c.Access = d.text(s, "access") },
	"event_time":    func(d *decoder, c *ModelConfig, s Setting) { c.EventTime = d.text(s, "event_time") },
}

// laterKeys are config keys that the kinds incremental, seed and snapshot, and
// the pages of the docs, read themselves from ModelConfig.Extra.
var laterKeys = []string{"docs", "quoting", "batch_size", "begin", "lookback", "concurrent_batches", "merge_update_columns",
	"merge_exclude_columns", "incremental_predicates", "predicates", "merge_clauses", "merge_update_condition", "merge_insert_condition",
	"merge_on_using_columns", "strategy", "updated_at", "check_cols", "hard_deletes", "invalidate_hard_deletes", "dbt_valid_to_current",
	"snapshot_meta_column_names", "target_schema", "target_database", "freshness", "latest_version", "partitions", "partition_by"}

// ignoredKeys are dbt's, and mean nothing here: one warning each.
var ignoredKeys = []string{"persist_docs", "grants", "copy_grants", "indexes", "packages", "on_configuration_change", "static_analysis",
	"cluster_by", "partitioned_by", "sort", "sort_type", "dist", "bind", "backup", "transient", "query_tag", "snowflake_warehouse",
	"automatic_clustering", "secure", "labels", "hours_to_expiration", "kms_key_name", "require_partition_filter", "file_format",
	"location_root", "tblproperties", "unlogged", "auto_refresh", "node_color"}

// refusedKeys are dbt's and would change what a model returns.
var refusedKeys = []string{"sql_header"}

// modelKeys are all that DecodeModel knows.
var modelKeys = sorted(slices.Concat(slices.Collect(maps.Keys(modelFields)), laterKeys, ignoredKeys, refusedKeys))

// isModelKey reports whether DecodeModel knows a key.
func isModelKey(key string) bool {
	_, ok := slices.BinarySearch(modelKeys, key)
	return ok
}

// DecodeModel reads the config of a model, seed or snapshot. What is not set
// has its default. The errors include warnings (diag.Error.Warn).
func DecodeModel(c Config) (ModelConfig, []*diag.Error) {
	out := ModelConfig{Materialized: "mart", Enabled: true, RunIDColumn: "run_id", CreatedAtColumn: "created_at", OnSchemaChange: "evolve", Extra: Config{}}
	d := &decoder{}
	for _, key := range sortedKeys(c) {
		s := c[key]
		switch read := modelFields[key]; {
		case read != nil:
			if s.Value != nil || key == "created_at_column" {
				read(d, &out, s)
			}
		case slices.Contains(laterKeys, key):
			out.Extra[key] = s
		case slices.Contains(ignoredKeys, key):
			d.errorf(s, "%s has no meaning here and is ignored", key).Warn = true
		case slices.Contains(refusedKeys, key):
			d.errorf(s, "%s is not supported: it would change what a model returns", key).Advice = "move what it does into the model's SELECT"
		default:
			d.add(unknownKey(s, key, "the config of a model", modelKeys))
		}
	}
	if out.CreatedAtColumn != "" && strings.EqualFold(out.CreatedAtColumn, out.RunIDColumn) {
		s, ok := c["created_at_column"]
		if !ok {
			s = c["run_id_column"]
		}
		d.errorf(s, "run_id_column and created_at_column are both %q", out.RunIDColumn)
	}
	return out, d.errs
}

func (d *decoder) runIDColumn(s Setting) string {
	if v := d.name(s, "run_id_column"); v != "" {
		return v
	}
	if len(d.errs) == 0 {
		d.expected(s, "run_id_column", "a column name")
	}
	return "run_id"
}

func (d *decoder) maybeBool(s Setting, key string) *bool {
	b := d.bool(s, key)
	return &b
}

func (d *decoder) contract(c *ModelConfig, s Setting) {
	if b, ok := s.Value.(bool); ok {
		c.ContractEnforced = b
		return
	}
	for _, it := range d.dict(s, "contract").Items() {
		v := s.with(it.Value)
		switch key := jinja.Str(it.Key); key {
		case "enforced":
			c.ContractEnforced = d.bool(v, "enforced")
		case "alias_types":
			c.ContractAliasTypes = d.bool(v, "alias_types")
		case "checksum":
		default:
			d.add(unknownKey(s, key, "contract", []string{"enforced", "alias_types"}))
		}
	}
}

// share is a bound as a number, of which 1 is all.
func (b Bound) share() float64 {
	if b.Percent {
		return b.Value / 100
	}
	return b.Value
}

// tolerances reads a tolerance of all numbers, or of columns.
func (d *decoder) tolerances(s Setting) map[string]Tolerance {
	columns, ok := s.Value.(*jinja.Dict)
	if !ok {
		return map[string]Tolerance{"": d.tolerance(s, "tolerance")}
	}
	out := map[string]Tolerance{}
	for _, it := range columns.Items() {
		name := jinja.Str(it.Key)
		low := strings.ToLower(name)
		switch _, twice := out[low]; {
		case name == "" || badName(name):
			d.errorf(s, "tolerance: %q is no column name", name)
		case twice:
			d.errorf(s, "tolerance names the column %q twice", name)
		default:
			out[low] = d.tolerance(s.with(it.Value), "tolerance of "+name)
		}
	}
	return out
}

// tolerance reads 0.01, 1%, or both as {absolute: 0.01, relative: 1%}.
func (d *decoder) tolerance(s Setting, key string) Tolerance {
	parts, ok := s.Value.(*jinja.Dict)
	if !ok {
		b := d.bound(s, key, s.Value)
		if b.Percent {
			return Tolerance{Relative: b.share()}
		}
		return Tolerance{Absolute: b.Value}
	}
	var t Tolerance
	for _, it := range parts.Items() {
		switch part := jinja.Str(it.Key); part {
		case "absolute":
			b := d.bound(s, "absolute of "+key, it.Value)
			if t.Absolute = b.Value; b.Percent {
				d.errorf(s, "absolute of %s is a number, not a share; a share is relative", key)
			}
		case "relative":
			t.Relative = d.bound(s, "relative of "+key, it.Value).share()
		default:
			d.add(unknownKey(s, part, key, []string{"absolute", "relative"}))
		}
	}
	return t
}

func (d *decoder) maxChange(s Setting) *MaxChange {
	m := &MaxChange{}
	for _, it := range d.dict(s, "max_change").Items() {
		key := jinja.Str(it.Key)
		var to **Bound
		switch key {
		case "rows_added":
			to = &m.RowsAdded
		case "rows_removed":
			to = &m.RowsRemoved
		case "rows_changed":
			to = &m.RowsChanged
		case "sum":
			m.Sum = map[string]Bound{}
			v := s.with(it.Value)
			for _, col := range d.dict(v, "sum of max_change").Items() {
				m.Sum[jinja.Str(col.Key)] = d.bound(s, "sum of max_change", col.Value)
			}
			continue
		default:
			d.add(unknownKey(s, key, "max_change", []string{"rows_added", "rows_removed", "rows_changed", "sum"}))
			continue
		}
		b := d.bound(s, key+" of max_change", it.Value)
		*to = &b
	}
	return m
}

// testFields reads each config key of a data test into its field.
var testFields = map[string]func(*decoder, *TestConfig, Setting){
	"severity": func(d *decoder, c *TestConfig, s Setting) {
		c.Severity = d.word(s, "severity", map[string]string{"error": "error", "warn": "warn"})
	},
	"warn_if":           func(d *decoder, c *TestConfig, s Setting) { c.WarnIf = d.condition(s, "warn_if") },
	"error_if":          func(d *decoder, c *TestConfig, s Setting) { c.ErrorIf = d.condition(s, "error_if") },
	"where":             func(d *decoder, c *TestConfig, s Setting) { c.Where = d.text(s, "where") },
	"fail_calc":         func(d *decoder, c *TestConfig, s Setting) { c.FailCalc = d.text(s, "fail_calc") },
	"limit":             func(d *decoder, c *TestConfig, s Setting) { c.Limit = d.count(s, "limit") },
	"store_failures":    func(d *decoder, c *TestConfig, s Setting) { c.StoreFailures = d.bool(s, "store_failures") },
	"store_failures_as": func(d *decoder, c *TestConfig, s Setting) { c.StoreAs = d.text(s, "store_failures_as") },
	"tags":              func(d *decoder, c *TestConfig, s Setting) { c.Tags = d.texts(s, "tags") },
	"meta":              func(d *decoder, c *TestConfig, s Setting) { c.Meta = d.plainDict(s, "meta") },
	"enabled":           func(d *decoder, c *TestConfig, s Setting) { c.Enabled = d.bool(s, "enabled") },
	"alias":             func(d *decoder, c *TestConfig, s Setting) { c.Alias = d.name(s, "alias") },
	"schema":            func(d *decoder, c *TestConfig, s Setting) { c.Schema = d.name(s, "schema") },
	"database":          func(d *decoder, c *TestConfig, s Setting) { c.Database = d.name(s, "database") },
	"group":             func(d *decoder, c *TestConfig, s Setting) { c.Group = d.text(s, "group") },
}

// testKeys are all that have a meaning for a data test.
var testKeys = sorted(slices.Collect(maps.Keys(testFields)))

// testKeysToo are all that DecodeTest takes.
var testKeysToo = sorted(slices.Concat(testKeys, ignoredKeys))

// DecodeTest reads the config of a data test.
func DecodeTest(c Config) (TestConfig, []*diag.Error) {
	out := TestConfig{Severity: "error", WarnIf: "!= 0", ErrorIf: "!= 0", FailCalc: "count(*)", Enabled: true}
	d := &decoder{}
	for _, key := range sortedKeys(c) {
		s := c[key]
		switch read := testFields[key]; {
		case read != nil:
			if s.Value != nil {
				read(d, &out, s)
			}
		case slices.Contains(ignoredKeys, key):
			d.errorf(s, "%s has no meaning here and is ignored", key).Warn = true
		case slices.Contains(refusedKeys, key):
			d.errorf(s, "%s is not supported", key)
		default:
			d.add(unknownKey(s, key, "the config of a data test", testKeys))
		}
	}
	return out, d.errs
}

// condition is what warn_if and error_if compare the number of failures with.
func (d *decoder) condition(s Setting, key string) string {
	v, ok := s.Value.(string)
	if !ok || strings.TrimSpace(v) == "" {
		d.expected(s, key, `a comparison in quotes such as "> 5"`)
	}
	return v
}
