// Package project reads a project's files into plain values that remember
// where they stood: project.yml, models, macros, data tests, and the YAML that
// describes them. It renders YAML where dbt does; it renders no SQL and knows
// no graph. In the order of the data:
//
//  1. [LoadTarget] opens the folder (files.go; nothing outside it is read) and
//     reads project.yml (load.go): name, vars, paths, targets (target.go).
//  2. [Load] goes on with all other files (readfiles.go). syntax.go parses a
//     YAML file, yaml.go and value.go walk it and
//     collect its errors, scalar.go reads scalars as dbt's YAML reads them,
//     render.go evaluates Jinja in them.
//  3. schema.go makes an [Entry] of each thing that a YAML file describes,
//     datatests.go a [DataTest] of each data test, sources.go a [Source] of
//     each table.
//  4. packages.go does the same with each package, whose files dependencies.go
//     and lock.go find.
//  5. tree.go hands each model and data test the config of its folders, as
//     layers; [Merge] joins layers; modelconfig.go turns the result into a
//     [ModelConfig] or [TestConfig].
//
// What is wrong is collected over all files and returned at once, as
// diag.Errors. Every key that may stand in a file is in docs/project.md.
package project

import (
	"errors"
	"time"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
)

// ErrNoProject: the folder has neither project.yml nor dbt_project.yml. Load and LoadTarget return it.
var ErrNoProject = errors.New("no project.yml")

// Pos is a place in a file.
type Pos = diag.Pos

// Options of Load and LoadTarget.
type Options struct {
	Dir    string // the project's folder; "" is the working folder
	Target string // name of the target; "" is the project's choice
	// Of dbt projects: where profiles.yml is and which profile to take; "" is
	// what the environment and dbt_project.yml say.
	ProfilesDir, Profile string
	Vars                 map[string]any                   // of the command line; they win over the project's
	LookupEnv            func(name string) (string, bool) // nil: no variable is set
	Threads              int                              // files read at once; 0: as many as processors
}

// Project is what stands in a project's files.
type Project struct {
	Dir     string // absolute
	File    string // project.yml or DBTFile, relative to Dir
	Name    string
	NamePos Pos
	Version string

	// Vars are the project's variables with those of the command line on top.
	// Text may hold Jinja, which is rendered where the variable is used.
	Vars    map[string]jinja.Value
	VarPos  map[string]Pos    // of those that stand in a file
	Targets map[string]Target // all, in no order; fields that need an unset variable are empty in all but the chosen one
	Target  Target            // the chosen one

	Models    []*Model // sorted by file; two may have one name
	Macros    []*MacroFile
	Tests     []*SingularTest
	Sources   []*Source
	Seeds     []*Seed
	Snapshots []*Snapshot
	Docs      []*DocBlock
	Fixtures  []*Fixture

	Selectors []*Selector // of selectors.yml, in its order

	Packages []*Package // sorted by name; their models, macros, … are among the above

	// Described things that are no model or source, by kind: "seed",
	// "snapshot", "macro", "analysis", "exposure", "group", "unit_test",
	// "data_test", "metric", "semantic_model", "saved_query", "function".
	Entries map[string][]*Entry

	own          []string // folders with its own files
	TargetPath   string   // where artifacts go, relative to Dir: target
	CleanTargets []string // what clean empties; nil: TargetPath
	OnRunStart   []Hook   // those of packages first
	OnRunEnd     []Hook
	Retention    *Retention // nil: everything is kept
	PruneAuto    bool       // retention: {auto: true}: prune after each publication
	Dispatch     []Dispatch
	Behavior     []string // flags: of dbt_project.yml that are true

	SHA256   string            // of the names of all files and the contents of those that were read: not of seeds
	Secrets  map[string]string // values of secret environment variables that the target uses, by name: mask them
	Python   []string          // files of Python models, which are not read
	Warnings []*diag.Error
}

// Target is a named engine connection.
type Target struct {
	Name          string
	Type          string // "duckdb", "trino"
	Path          string // of a database file, absolute
	DSN           string // may hold a secret: never print it
	Catalog       string
	Schema        string
	StorageSchema string // where tables live
	LatestSchema  string // where the views of the published run live
	Threads       int    // models at once; 0: not set
	Settings      map[string]string
	Allow         []string // folders that a sandboxed build may read
	Staging       string   // "" or "parquet"
	Publish       Publish  // what follows a publication
	Pos           Pos
}

// Publish is what a target wants after each publication.
type Publish struct {
	Export string        // absolute path of a copy of what is published; "" is none
	Format string        // of the copy: "duckdb", "parquet" or "csv"
	Keep   time.Duration // how long a folder stays after a newer copy took its place
}

// Model is a models/**/*.sql file.
type Model struct {
	Name, Package string
	File          string          // models/staging/x.sql
	Path          []string        // staging, x: below the model path, without .sql
	FQN           []string        // project, staging, x
	Source        string          // the file's text, without a byte order mark
	Template      *jinja.Template // nil if it did not parse
	YAML          *Entry          // nil if none
	Version       *Version        // nil if it is the only one; Name is customers_v2 then
	Layers        []Config        // folders from shallow to deep, then the YAML entry's config
	Over          []Config        // of a package's: what the project says of it, over all else
}

// MacroFile is a file of macros or generic data tests.
type MacroFile struct {
	Package, File string
	Template      *jinja.Template
}

// SingularTest is a tests/*.sql file: a query that returns failing rows.
type SingularTest struct {
	Name, Package string
	File, Source  string
	FQN           []string
	Template      *jinja.Template
	Description   string
	Layers        []Config
	Over          []Config // as a Model's
	Pos           Pos
}

// Seed is a CSV file.
type Seed struct {
	Name, Package, File string
	FQN                 []string
	YAML                *Entry
	Layers              []Config
	Over                []Config // as a Model's
}

// Hook is SQL that runs when a build starts or ends: a text, or a dict with sql.
type Hook struct {
	Setting
	Package string
}

// Snapshot is a snapshot block of a file, or a YAML entry with a relation.
type Snapshot struct {
	Name, Package, File string
	FQN                 []string // of a block with the file's name before its own
	Source              string
	Template            *jinja.Template
	Pos                 Pos // of the block's name, or of the relation
	YAML                *Entry
	Layers              []Config
	Over                []Config // as a Model's
}

// ID is the snapshot's node id.
func (s *Snapshot) ID() string { return "snapshot." + s.Package + "." + s.Name }

// DocBlock is a {% docs %} block of a Markdown file.
type DocBlock struct {
	Name, Package, File string
	Template            *jinja.Template
	Pos                 Pos
}

// Entry is what a YAML file says of one model, seed, exposure, ….
type Entry struct {
	Kind        string // "model", "seed", …
	Package     string
	Name        string
	Description string // raw: may call doc()
	Columns     []Column
	Tests       []*DataTest
	Config      Config
	Docs        map[string]any
	Constraints []Constraint
	Pos         Pos      // of the name, or of the version
	Version     *Version // of one version of a model

	// Raw is all that stands in the entry, for kinds and keys that have no
	// field here: keys as written, values plain.
	Raw *jinja.Dict
	// Places are where the parts of a unit test stand: see unitPlaces.
	Places map[string]Pos
}

// Column is what a YAML file says of a column.
type Column struct {
	Name, Description, DataType string
	Quote                       bool // the name is to be quoted in SQL
	Tests                       []*DataTest
	Tags                        []string
	Meta                        map[string]any
	Constraints                 []Constraint
	Tolerance                   *Tolerance // of a diff; nil: that of the model
	Pos                         Pos
}

// Constraint is a contract's constraint of a model or column.
type Constraint struct {
	Type, Name, Expression, To string
	Columns, ToColumns         []string
	QuietUnenforced            bool // no warning where it is not enforced
	QuietUnsupported           bool // warn_unsupported: false
	Pos                        Pos
}

// DataTest is a generic data test at its place in a YAML file.
type DataTest struct {
	Test        string // not_null: the macro's name without test_
	Package     string // what stood before the dot
	Name        string // given by the user; "" otherwise
	Description string
	Column      string         // "" for a test of the whole model
	Quote       bool           // the column's
	Args        *jinja.Dict    // in order and raw: text may hold Jinja, rendered in the test's own context
	ArgPos      map[string]Pos // of each argument's key
	Config      Config         // what stands at the test
	Layers      []Config       // folders of project.yml's data_tests from shallow to deep, then Config
	Over        []Config       // as a Model's
	Pos         Pos
	Span        int
	SourceLine  string // the line at Pos
}

// Source is a table that somebody else makes.
type Source struct {
	SourceName, Name  string
	Package           string
	Schema            string // default: the source's name
	Database          string
	Identifier        string // default: the table's name
	Enabled           bool
	Loader            string
	Description       string
	SourceDescription string
	Columns           []Column
	Tests             []*DataTest
	Tags              []string
	Config            Config // the source's and the table's, joined
	Meta              map[string]any
	Freshness         *Freshness
	LoadedAtField     string
	LoadedAtQuery     string // raw
	External          map[string]any
	File              string
	FQN               []string
	Pos               Pos // of the table's name
}

// Freshness says how old a source may be; a nil rule says nothing.
type Freshness struct {
	WarnAfter, ErrorAfter *FreshnessRule
	Filter                string
}

// Asked says whether there is a rule.
func (f *Freshness) Asked() bool { return f != nil && (f.WarnAfter != nil || f.ErrorAfter != nil) }

// FreshnessRule is a count of minutes, hours or days.
type FreshnessRule struct {
	Count  int
	Period string // "minute", "hour", "day"
}

// Passed says whether an age is more than the rule allows; nil allows any.
func (r *FreshnessRule) Passed(seconds float64) bool {
	if r == nil {
		return false
	}
	unit := map[string]float64{"minute": 60, "hour": 3600, "day": 86400}[r.Period]
	return seconds > float64(r.Count)*unit
}

// Dispatch is where to look for the macros of a namespace.
type Dispatch struct {
	MacroNamespace string
	SearchOrder    []string
}
