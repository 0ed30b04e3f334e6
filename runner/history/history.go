// Package history is the register of all runs: what was built when, by whom,
// from what, with which result, and which run each mart is read from.
//
// It lives in tables of the target, written in the same transactions as the
// data, so that no file beside the database is ever needed:
//
//   - run_manifest, run_manifest_model, run_manifest_test: the runs
//   - run_publication, run_publication_mart: the log of "from now on, mart M is
//     read from run R", each entry a whole snapshot
//   - run_tag: names that people gave to snapshots
//   - run_ledger: a chained, append-only digest of all changes of the register
//   - run_binding, run_state: which views were made, and the tables' version
//
// The way of a build: Open (register.go), Begin, RecordModels and RecordTests,
// Finish (runs.go), Publish (publications.go). Each of the last four is part of
// the caller's transaction. Order comes from seq, never from a clock or from a
// run id.
//
// Read register.go first, then tables.go (every column, once), spec.go (the one
// grammar for naming a run) and resolve.go, ledger.go and verify.go, lock.go.
// docs/state.md describes the tables for those who read them with SQL.
package history

import (
	"encoding/json"
	"time"

	"warehouse/runner/mart"
)

// Status of a run.
type Status string

const (
	Running   Status = "running"
	Success   Status = "success"
	Failed    Status = "failed"
	Crashed   Status = "crashed"
	Cancelled Status = "cancelled"
	Pruned    Status = "pruned"
)

// Run is one row of run_manifest.
type Run struct {
	ID              string // UUID, lower case
	Seq             int64
	Status          Status
	Command         string
	Target          string
	Selection       Selection
	Vars            json.RawMessage // the command line's variables, an object
	Project         string
	CodeVersion     string // git commit, "+dirty" behind it if the tree was changed; "" outside git
	ProjectSHA256   string
	ToolVersion     string
	Host, User      string
	StartedAt       time.Time
	FinishedAt      time.Time // zero while running
	RowCount        int64
	ModelsOK        int
	ModelsFailed    int
	TestsFailed     int
	BasePublication int64 // seq of the publication that unbuilt marts were read from; 0: none
	Error           string
	ParentRunID     string
}

// Selection is what the command line selected, kept for a retry.
type Selection struct {
	Select  []string `json:"select,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	Publish bool     `json:"publish"`

	// What else chose the models, as typed.
	Selector             string   `json:"selector,omitempty"`
	ResourceTypes        []string `json:"resource_types,omitempty"`
	ExcludeResourceTypes []string `json:"exclude_resource_types,omitempty"`
	Indirect             string   `json:"indirect,omitempty"`
	State                string   `json:"state,omitempty"`

	// IDs are the nodes that it came to, of a selection that may come to others
	// when it is asked again: one by state: or result:, or by any of the above.
	IDs []string `json:"ids,omitempty"`

	FullRefresh bool `json:"full_refresh,omitempty"`
	Empty       bool `json:"empty,omitempty"`
	Reuse       bool `json:"reuse,omitempty"`

	StoreFailures bool `json:"store_failures,omitempty"`

	// Of microbatch models: the time that was to be computed.
	EventTimeStart *time.Time `json:"event_time_start,omitempty"`
	EventTimeEnd   *time.Time `json:"event_time_end,omitempty"`
}

// Everything says that nothing was said: the whole project was selected.
func (s Selection) Everything() bool {
	return len(s.Select)+len(s.Exclude)+len(s.ResourceTypes)+len(s.ExcludeResourceTypes)+len(s.IDs) == 0 && s.Selector == ""
}

// ModelStatus of a ModelRecord.
type ModelStatus string

const (
	ModelSuccess ModelStatus = "success"
	ModelError   ModelStatus = "error"
	ModelSkipped ModelStatus = "skipped"
	ModelReused  ModelStatus = "reused"
	ModelPruned  ModelStatus = "pruned"
)

// ModelRecord is one row of run_manifest_model.
type ModelRecord struct {
	RunID          string
	Model          string
	Attempt        int
	DataRunID      string // the run whose rows it reads: RunID unless reused; "" for view models
	Kind           string // "mart", "incremental", "view", …
	Status         ModelStatus
	RowCount       int64 // -1: not known or not counted (views)
	Checksum       string
	ChecksumScheme string
	Layout         Layout
	CompiledSQL    string // secrets as references
	SQLSHA256      string
	CodeVersion    string
	Inputs         map[string]Input // what it read, by node id
	Error          string
	StartedAt      time.Time
	FinishedAt     time.Time
}

// Input is one thing that a model read: a mart or view model of a run, or a
// source.
type Input struct {
	Name        string `json:"name"`                  // model name, or source.table
	RunID       string `json:"run_id,omitempty"`      // of a model
	Fingerprint string `json:"fingerprint,omitempty"` // of a source
	Via         string `json:"via,omitempty"`         // the view through which it was read: of a mart's inputs
}

// Layout is where a run of a model is stored, as the column `columns` of
// run_manifest_model holds it.
type Layout struct {
	Schema        string        `json:"schema"`
	Table         string        `json:"table"`
	Shown         string        `json:"shown_as,omitempty"` // the name of its view for people, if that is not Table
	RunColumn     string        `json:"run_id_column"`
	CreatedColumn string        `json:"created_at_column,omitempty"`
	Key           []string      `json:"key,omitempty"`
	Unique        []string      `json:"unique_key,omitempty"` // tell rows apart, NULL being equal to NULL
	Retention     *Retention    `json:"retention,omitempty"`  // the model's own rules, for when the project cannot be read
	Columns       []mart.Column `json:"columns"`
	Guards        *Guards       `json:"guards,omitempty"`
	Hook          string        `json:"post_hook_sha256,omitempty"` // of the statements by which post-hooks changed the rows

	// What counts as equal when the run is compared: tolerances by lower-cased
	// column ("" is all numbers), and the share of a float that is rounding.
	Tolerance      map[string]Tolerance `json:"tolerance,omitempty"`
	FloatTolerance *float64             `json:"float_tolerance,omitempty"`

	// Settings of the engine that shape what SQL computes and were not its own.
	Settings map[string]string `json:"settings,omitempty"`
}

// Tolerance is how far two numbers may differ and count as equal: by Absolute,
// or by Relative times the greater one.
type Tolerance struct {
	Absolute float64 `json:"absolute,omitempty"`
	Relative float64 `json:"relative,omitempty"`
}

// Guards are a mart's restatement guards, as they were when the run was built.
type Guards struct {
	Closed    string           `json:"closed,omitempty"`     // a condition; /*as_of*/ stands for when the live run began
	MaxChange map[string]Bound `json:"max_change,omitempty"` // rows_added, rows_removed, rows_changed, "sum COLUMN"
}

// Bound is how much may change: a number, or a share of what is live.
type Bound struct {
	Value   float64 `json:"value"`
	Percent bool    `json:"percent,omitempty"`
}

// TestRecord is one row of run_manifest_test.
type TestRecord struct {
	RunID       string
	Attempt     int
	Test        string // unique name of the data test
	Model       string
	Column      string
	Severity    string // "error", "warn"
	Status      string // pass, warn, fail, error, skipped
	Failures    int64
	Sample      json.RawMessage // first failing rows: an array of objects
	CompiledSQL string
	Error       string
	StartedAt   time.Time
	FinishedAt  time.Time
}

// Snapshot says which run each mart (and view model) is read from: of a
// publication, or of a run (its base publication, overlaid with what it built).
type Snapshot struct {
	Publication int64             // 0 if the snapshot was named by a run
	Run         string            // the publication's run, or the run itself
	Marts       map[string]string // model name → run whose ModelRecord and rows it is; of a reused mart the run that wrote them
}

// Publication is one entry of the log.
type Publication struct {
	Seq    int64
	Action string // Publish or Rollback
	RunID  string // of a rollback: the run gone back to
	At     time.Time
	By     string
	Reason string
	// Restores is, for an entry that brought back an earlier state, the seq of
	// the entry that first showed it; 0 for a new state.
	Restores int64
}

// Actions of a Publication.
const (
	Publish  = "publish"
	Rollback = "rollback"
)

// Tag is a name given to a snapshot.
type Tag struct {
	Name        string
	RunID       string
	Publication int64 // 0: named by a run
	CreatedAt   time.Time
	CreatedBy   string
	Note        string
}
