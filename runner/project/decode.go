package project

import "warehouse/runner/diag"

// ModelConfig is a model's config, decoded.
type ModelConfig struct {
	Materialized        string // "mart", "view", "ephemeral", "incremental", "seed", "snapshot"
	Enabled             bool
	RunIDColumn         string
	CreatedAtColumn     string // "": none
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
	FloatTolerance      *float64
	PreHook, PostHook   []Setting // raw text, or a dict {sql, transaction}
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

// Merge joins layers, lowest priority first: the last value of a key wins,
// except that tags, packages and hooks add up, and meta, vars, docs, contract,
// quoting and column_types merge by key.
func Merge(layers ...Config) Config { return nil }

// DecodeModel reads the config of a model, seed or snapshot. The errors
// include warnings (diag.Error.Warn).
func DecodeModel(c Config) (ModelConfig, []*diag.Error) { return ModelConfig{}, nil }

// DecodeTest reads the config of a data test.
func DecodeTest(c Config) (TestConfig, []*diag.Error) { return TestConfig{}, nil }
