// Package runner builds a project's models as runs, and moves, reads and
// proves those runs.
//
// A run is one build: every selected model computed, stored under one run id,
// tested, and only then published. The two functions to start with are Open
// and Runner.Build:
//
//	r, err := runner.Open(ctx, runner.Config{Dir: ".", Engines: []engine.Engine{duckdb.Engine()}})
//	report, err := r.Build(ctx, runner.BuildOptions{})
//	fmt.Println(report.Run.ID, report.Run.Status)
//
// The way of the data through a build (build.go):
//
//  1. project.Load reads files into plain values.
//  2. compile.Compile renders each model once and makes the graph.
//  3. selector picks nodes; Plan (plan.go) says what each would do.
//  4. session.go takes the lock, opens the target, mends a crashed run.
//  5. prepare.go renders and binds every model in memory: type and column
//     errors end the run here, before a mart is touched.
//  6. dag.Walk runs each model when its parents are done: mart.Write in one
//     transaction with its row of the register; then its data tests.
//  7. history.Register.Publish appends one publication for all marts, and
//     binding.Sync mends the views of `latest` and `previous`.
//
// One verb, one file: build.go, test.go, query.go, move.go (publish,
// rollback), tag.go, runs.go, verify.go, list.go, artifacts.go. Nothing here prints: results
// are values, progress is Event values given to Config.Observe.
//
// The package names no engine; a program that imports it without
// engine/duckdb builds without cgo.
//
// # Compatibility
//
// Run tables, state tables and views written by a version are readable by all
// later versions; a change of the state tables comes with a migration.
package runner

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"warehouse/runner/compile"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/project"
)

// Config is all that a Runner needs from outside.
type Config struct {
	Dir         string         // the project's folder; "" is the working folder
	Target      string         // --target; "" is the project's own choice
	ProfilesDir string         // of a dbt project: the folder of profiles.yml; "" is what the environment says
	Profile     string         // of a dbt project: the profile; "" is dbt_project.yml's choice
	Vars        map[string]any // --vars
	Threads     int            // models at once; 0 is the target's choice
	LockTimeout time.Duration  // how long to wait for another process; 0 fails at once
	Engines     []engine.Engine

	Version string // of the tool, for the register
	Command string // the command line as typed, for the register; secrets are masked
	Host    string
	User    string

	LookupEnv func(string) (string, bool) // nil: the process's environment
	Now       func() time.Time            // nil: time.Now
	NewID     func() string               // nil: UUIDv7
	WarnError WarnPolicy                  // which warnings are errors
	Observe   func(Event)                 // progress, from several goroutines at once; nil: nobody looks
	Log       *slog.Logger                // nil: discarded
	Statement func(engine.Statement)      // the statement log; nil: none
}

// Runner is an open project. It holds no connection between calls and is for
// one goroutine at a time.
type Runner struct {
	cfg     Config
	secrets *secrets
	project *project.Project
	loadErr error // the project's errors; verbs that need models return it
	graph   *compile.Graph

	warnings sync.Mutex
	warned   map[string]bool // what was reported
	promoted int             // of those, how many are errors
}

// Sentinels of this package. history and engine have their own.
var (
	// ErrNothingSelected: a build whose selection names no model. It takes no
	// run id.
	ErrNothingSelected = errors.New("nothing is selected")
	// ErrNotPublished: what was asked for was never published.
	ErrNotPublished = errors.New("not published")
	// ErrMoved: between preview and execution somebody else published.
	ErrMoved = history.ErrMoved
)

// BuildOptions of Build and DryRun.
type BuildOptions struct {
	RunID       string // "" makes a new one
	Select      []string
	Exclude     []string
	Filter      Filter
	FailFast    bool
	FullRefresh bool
	// EventTimeStart and EventTimeEnd bound what microbatch models compute: both, or
	// neither. Zero: what their config says.
	EventTimeStart, EventTimeEnd time.Time
	NoPublish                    bool
	Reuse                        bool // what is unchanged since the published run is not computed
	Empty                        bool // build with no rows: every model gets LIMIT 0

	StoreFailures bool // data tests whose config does not say keep their failing rows
}

// TestOptions of Test.
type TestOptions struct {
	Run     string // run spec; "" is latest
	Select  []string
	Exclude []string
	Filter  Filter

	StoreFailures bool // as of BuildOptions
}

// NodeStatus is what became of a node.
type NodeStatus string

const (
	StatusStart   NodeStatus = "start"
	StatusSuccess NodeStatus = "success" // a model was built
	StatusPass    NodeStatus = "pass"    // a data test found nothing
	StatusWarn    NodeStatus = "warn"
	StatusFail    NodeStatus = "fail" // a data test found failing rows
	StatusError   NodeStatus = "error"
	StatusSkipped NodeStatus = "skipped"
	StatusReused  NodeStatus = "reused"
	StatusNoOp    NodeStatus = "no-op" // an ephemeral model
)

// NodeResult is what became of one node of a build or a test.
type NodeResult struct {
	ID, Name, Resource string
	Kind               string // of a model: mart, view, …
	File               string
	Status             NodeStatus
	Rows               int64 // of a mart; -1 otherwise
	Failures           int64 // of a data test
	Blocking           bool  // of a data test: severity error
	Sample             Sample
	SampleSQL          string          // a query for `warehouse query` that shows all failing rows
	Model, Column      string          // of a data test
	Attached           string          // id of the node that a data test is attached to
	Batches            [][2]time.Time  // of a microbatch model: what was computed
	KeptIn             engine.Relation // of a data test: where its failing rows are; without a name: nowhere
	Relation           engine.Relation // where people read a model, once it is published
	Meta               map[string]any  // of a model: shared, never change it
	Because            string          // why it was skipped
	Err                error
	Started            time.Time
	Duration           time.Duration
}

// Sample is the first failing rows of a data test, as text; nil pointers are NULL.
type Sample struct {
	Columns []string
	Rows    [][]*string
}

// Report is the outcome of a build or a test.
type Report struct {
	Run         history.Run
	Publication int64         // seq of the new publication; 0 if nothing was published
	Restated    []Restatement // what guards found: the run is a success that was not published
	NotBecause  string        // why nothing was published, when it was not
	Marts       int           // marts and view models built
	Nodes       []NodeResult  // in the order in which they ended
	Unbuilt     []Stale       // descendants of what was built that still read an older run
	Scans       int           // scans that fused data tests saved
	TestsOnly   bool          // of Test: Run is the run that was tested
	Failed      int           // of Test: data tests that failed, could not run or were skipped
	Elapsed     time.Duration
	After       Aftermath // what followed a publication
	EndHooks    error     // of on-run-end: it failed, and what was published stays

	facts *facts // for WriteArtifacts; nil: nothing ran
}

// Stale says that models still read an older run of a model that was built.
type Stale struct {
	Model  string   // what was built
	Reads  string   // the run of it that they still read
	Seq    int64    // that run's number
	Models []string // descendants that were not built
}

// EventKind says what an Event is about.
type EventKind string

const (
	EventLock     EventKind = "lock"     // waiting for another process; Message says for whom
	EventMended   EventKind = "mended"   // a dead run was marked crashed; Message says which
	EventPlan     EventKind = "plan"     // Total nodes are about to run; Message names the run
	EventStart    EventKind = "start"    // a node starts
	EventResult   EventKind = "result"   // a node ended
	EventWarning  EventKind = "warning"  // Err is a *diag.Error or any other
	EventLog      EventKind = "log"      // a template's log() or print()
	EventPublish  EventKind = "publish"  // Message says what was published
	EventProgress EventKind = "progress" // Message: what is being done (binding, publishing)
)

// Event is one step of progress.
type Event struct {
	Kind    EventKind
	Time    time.Time
	Index   int // 1-based number of the node
	Total   int
	Node    *NodeResult
	Run     string
	Message string
	Err     error
}

// Open loads the project in cfg.Dir. If only its models are broken, the Runner
// is returned all the same (rollback, runs, tag, verify work then), and the
// verbs that need models return the errors: ask Check. An error means that
// not even project.yml could be used.
func Open(ctx context.Context, cfg Config) (*Runner, error) { return open(ctx, cfg) }
