package artifact

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// Manifest is manifest.json: all that a project consists of. Maps are by
// unique_id. All fields but Functions are required.
type Manifest struct {
	Metadata       ManifestMetadata           `json:"metadata"`
	Nodes          map[string]*Node           `json:"nodes"` // models, data tests, seeds, snapshots, analyses
	Sources        map[string]*Source         `json:"sources"`
	Macros         map[string]*Macro          `json:"macros"`
	Docs           map[string]*Doc            `json:"docs"`
	Exposures      map[string]*Exposure       `json:"exposures"`
	Metrics        map[string]json.RawMessage `json:"metrics"`
	Groups         map[string]*Group          `json:"groups"`
	Selectors      map[string]any             `json:"selectors"`
	Disabled       map[string][]*Node         `json:"disabled"`
	ParentMap      map[string][]string        `json:"parent_map"` // what each node reads, sorted
	ChildMap       map[string][]string        `json:"child_map"`
	GroupMap       map[string][]string        `json:"group_map"` // by name of the group
	SavedQueries   map[string]json.RawMessage `json:"saved_queries"`
	SemanticModels map[string]json.RawMessage `json:"semantic_models"`
	UnitTests      map[string]*UnitTest       `json:"unit_tests"`
	Functions      map[string]json.RawMessage `json:"functions,omitempty"`
}

// ManifestMetadata is the head of manifest.json.
type ManifestMetadata struct {
	Metadata
	ProjectName    *string  `json:"project_name"`
	ProjectID      *string  `json:"project_id"` // MD5 of the name
	UserID         *string  `json:"user_id"`
	SendUsageStats *bool    `json:"send_anonymous_usage_stats"`
	AdapterType    *string  `json:"adapter_type"` // "duckdb"
	Quoting        *Quoting `json:"quoting,omitempty"`
	RunStartedAt   *string  `json:"run_started_at,omitempty"`
}

// Quoting says which parts of a relation's name are quoted.
type Quoting struct {
	Database   *bool `json:"database"`
	Schema     *bool `json:"schema"`
	Identifier *bool `json:"identifier"`
	Column     *bool `json:"column"`
}

// Node is a model, data test, seed, snapshot, analysis or operation. Fields
// that a kind of node does not have are nil, and not written.
type Node struct {
	Database         string                 `json:"database"`
	Schema           string                 `json:"schema"`
	Name             string                 `json:"name"`
	ResourceType     string                 `json:"resource_type"` // "model", "test", "seed", …
	PackageName      string                 `json:"package_name"`
	Path             string                 `json:"path"`               // below the folder of its kind
	OriginalFilePath string                 `json:"original_file_path"` // below the project
	UniqueID         string                 `json:"unique_id"`
	FQN              []string               `json:"fqn"`
	Alias            string                 `json:"alias"`
	Checksum         FileHash               `json:"checksum"`
	Config           map[string]any         `json:"config"` // with the defaults that hold; keys are dbt's and the tool's own
	Tags             []string               `json:"tags"`
	Description      string                 `json:"description"`
	Columns          map[string]*ColumnInfo `json:"columns"` // as documented, by name
	Meta             map[string]any         `json:"meta"`
	Group            *string                `json:"group"`
	Docs             Docs                   `json:"docs"`
	PatchPath        *string                `json:"patch_path"` // package://the YAML file that describes it
	BuildPath        *string                `json:"build_path"`
	UnrenderedConfig map[string]any         `json:"unrendered_config"`
	CreatedAt        float64                `json:"created_at"`    // seconds since 1970
	RelationName     *string                `json:"relation_name"` // as SQL; nil if there is none
	RawCode          string                 `json:"raw_code"`
	DocBlocks        []string               `json:"doc_blocks,omitzero"`
	RootPath         *string                `json:"root_path,omitempty"` // of a seed

	// Of all but seeds.
	Language          string     `json:"language,omitempty"` // "sql"
	Refs              []Ref      `json:"refs,omitzero"`
	Sources           [][]string `json:"sources,omitzero"` // pairs of a source and a table
	Metrics           [][]string `json:"metrics,omitzero"`
	Functions         [][]string `json:"functions,omitempty"`
	DependsOn         DependsOn  `json:"depends_on"`
	CompiledPath      *string    `json:"compiled_path,omitempty"`
	Compiled          *bool      `json:"compiled,omitempty"` // nil: it was not compiled
	CompiledCode      *string    `json:"compiled_code,omitempty"`
	ExtraCTEsInjected *bool      `json:"extra_ctes_injected,omitempty"`
	ExtraCTEs         []ExtraCTE `json:"extra_ctes,omitzero"`
	Contract          *Contract  `json:"contract,omitempty"`

	// Of models.
	Access          *string                `json:"access,omitempty"` // "private", "protected", "public"
	Constraints     []ModelLevelConstraint `json:"constraints,omitzero"`
	Version         any                    `json:"version,omitempty"` // text or number
	LatestVersion   any                    `json:"latest_version,omitempty"`
	DeprecationDate *string                `json:"deprecation_date,omitempty"`
	PrimaryKey      []string               `json:"primary_key,omitzero"`
	TimeSpine       json.RawMessage        `json:"time_spine,omitempty"`
	DeferRelation   json.RawMessage        `json:"defer_relation,omitempty"`

	// Of data tests.
	ColumnName   *string       `json:"column_name,omitempty"`
	FileKeyName  *string       `json:"file_key_name,omitempty"`
	AttachedNode *string       `json:"attached_node,omitempty"`
	TestMetadata *TestMetadata `json:"test_metadata,omitempty"` // of generic ones
}

// FileHash is a checksum of a node's file.
type FileHash struct {
	Name     string `json:"name"` // "sha256"; "none" if it has no file of its own
	Checksum string `json:"checksum"`
}

// ColumnInfo is what is documented of a column.
type ColumnInfo struct {
	Name        string                  `json:"name"`
	Description string                  `json:"description"`
	Meta        map[string]any          `json:"meta"`
	DataType    *string                 `json:"data_type"`
	Constraints []ColumnLevelConstraint `json:"constraints"`
	Quote       *bool                   `json:"quote"`
	Config      map[string]any          `json:"config,omitempty"`
	Tags        []string                `json:"tags"`
	Granularity *string                 `json:"granularity"`
	DocBlocks   []string                `json:"doc_blocks,omitzero"`
}

// ColumnLevelConstraint is a contract's constraint of a column.
type ColumnLevelConstraint struct {
	Type            string   `json:"type"` // "not_null", "unique", "primary_key", "foreign_key", "check", "custom"
	Name            *string  `json:"name"`
	Expression      *string  `json:"expression"`
	WarnUnenforced  bool     `json:"warn_unenforced"`
	WarnUnsupported bool     `json:"warn_unsupported"`
	To              *string  `json:"to"`
	ToColumns       []string `json:"to_columns"`
}

// ModelLevelConstraint is a contract's constraint of a model.
type ModelLevelConstraint struct {
	ColumnLevelConstraint
	Columns []string `json:"columns"`
}

// Docs says how a node is shown.
type Docs struct {
	Show      bool    `json:"show"`
	NodeColor *string `json:"node_color"`
}

// Ref is a ref() that a node makes.
type Ref struct {
	Name    string  `json:"name"`
	Package *string `json:"package"`
	Version any     `json:"version"`
}

// DependsOn is what a node needs. Seeds have no Nodes.
type DependsOn struct {
	Macros []string `json:"macros"`
	Nodes  []string `json:"nodes,omitzero"`
}

// ExtraCTE is an ephemeral model that was put in front of a node's SQL.
type ExtraCTE struct {
	ID  string `json:"id"`
	SQL string `json:"sql"`
}

// Contract says whether a model's columns are promised.
type Contract struct {
	Enforced   bool    `json:"enforced"`
	AliasTypes bool    `json:"alias_types"`
	Checksum   *string `json:"checksum"`
}

// TestMetadata is which generic data test a node is, and of what.
type TestMetadata struct {
	Name      string         `json:"name"`
	Kwargs    map[string]any `json:"kwargs"`
	Namespace *string        `json:"namespace"`
}

// Source is a table that somebody else makes.
type Source struct {
	Database          string                 `json:"database"`
	Schema            string                 `json:"schema"`
	Name              string                 `json:"name"`
	ResourceType      string                 `json:"resource_type"` // "source"
	PackageName       string                 `json:"package_name"`
	Path              string                 `json:"path"`
	OriginalFilePath  string                 `json:"original_file_path"`
	UniqueID          string                 `json:"unique_id"`
	FQN               []string               `json:"fqn"`
	SourceName        string                 `json:"source_name"`
	SourceDescription string                 `json:"source_description"`
	Loader            string                 `json:"loader"`
	Identifier        string                 `json:"identifier"`
	Quoting           Quoting                `json:"quoting"`
	LoadedAtField     *string                `json:"loaded_at_field"`
	LoadedAtQuery     *string                `json:"loaded_at_query,omitempty"`
	Freshness         *Freshness             `json:"freshness"`
	External          map[string]any         `json:"external"`
	Description       string                 `json:"description"`
	Columns           map[string]*ColumnInfo `json:"columns"`
	Meta              map[string]any         `json:"meta"`
	SourceMeta        map[string]any         `json:"source_meta"`
	Tags              []string               `json:"tags"`
	Config            map[string]any         `json:"config"`
	PatchPath         *string                `json:"patch_path"`
	UnrenderedConfig  map[string]any         `json:"unrendered_config"`
	RelationName      *string                `json:"relation_name"`
	CreatedAt         float64                `json:"created_at"`
}

// Macro is a macro, generic data test or materialization.
type Macro struct {
	Name               string          `json:"name"`
	ResourceType       string          `json:"resource_type"` // "macro"
	PackageName        string          `json:"package_name"`
	Path               string          `json:"path"`
	OriginalFilePath   string          `json:"original_file_path"`
	UniqueID           string          `json:"unique_id"`
	MacroSQL           string          `json:"macro_sql"`
	DependsOn          DependsOn       `json:"depends_on"` // Nodes is nil
	Description        string          `json:"description"`
	Meta               map[string]any  `json:"meta"`
	Docs               Docs            `json:"docs"`
	PatchPath          *string         `json:"patch_path"`
	Arguments          []MacroArgument `json:"arguments"`
	CreatedAt          float64         `json:"created_at"`
	SupportedLanguages []string        `json:"supported_languages"`
}

// MacroArgument is what is documented of a macro's argument.
type MacroArgument struct {
	Name        string  `json:"name"`
	Type        *string `json:"type"`
	Description string  `json:"description"`
}

// Doc is a block of documentation.
type Doc struct {
	Name             string `json:"name"`
	ResourceType     string `json:"resource_type"` // "doc"
	PackageName      string `json:"package_name"`
	Path             string `json:"path"`
	OriginalFilePath string `json:"original_file_path"`
	UniqueID         string `json:"unique_id"`
	BlockContents    string `json:"block_contents"`
}

// Owner is who answers for an exposure or a group; other keys than these are
// in Extra.
type Owner struct {
	Email any // text or list of texts
	Name  *string
	Extra map[string]any
}

// MarshalJSON writes an owner's own keys beside the extra ones.
func (o Owner) MarshalJSON() ([]byte, error) {
	all := map[string]any{"email": o.Email, "name": o.Name}
	for k, v := range o.Extra {
		all[k] = v
	}
	data, err := Marshal(all)
	return bytes.TrimSuffix(data, []byte("\n")), err
}

// UnmarshalJSON reads an owner with all its keys.
func (o *Owner) UnmarshalJSON(data []byte) error {
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	*o = Owner{Email: all["email"]}
	if name, ok := all["name"].(string); ok {
		o.Name = &name
	}
	delete(all, "email")
	delete(all, "name")
	if len(all) > 0 {
		o.Extra = all
	}
	return nil
}

// Exposure is a use that is made of the project's models.
type Exposure struct {
	Name             string         `json:"name"`
	ResourceType     string         `json:"resource_type"` // "exposure"
	PackageName      string         `json:"package_name"`
	Path             string         `json:"path"`
	OriginalFilePath string         `json:"original_file_path"`
	UniqueID         string         `json:"unique_id"`
	FQN              []string       `json:"fqn"`
	Type             string         `json:"type"` // "dashboard", "notebook", "analysis", "ml", "application"
	Owner            Owner          `json:"owner"`
	Description      string         `json:"description"`
	Label            *string        `json:"label"`
	Maturity         *string        `json:"maturity"` // "low", "medium", "high"
	Meta             map[string]any `json:"meta"`
	Tags             []string       `json:"tags"`
	Config           map[string]any `json:"config"`
	UnrenderedConfig map[string]any `json:"unrendered_config"`
	URL              *string        `json:"url"`
	DependsOn        DependsOn      `json:"depends_on"`
	Refs             []Ref          `json:"refs"`
	Sources          [][]string     `json:"sources"`
	Metrics          [][]string     `json:"metrics"`
	CreatedAt        float64        `json:"created_at"`
}

// Group is a group of models with an owner.
type Group struct {
	Name             string         `json:"name"`
	ResourceType     string         `json:"resource_type"` // "group"
	PackageName      string         `json:"package_name"`
	Path             string         `json:"path"`
	OriginalFilePath string         `json:"original_file_path"`
	UniqueID         string         `json:"unique_id"`
	Owner            Owner          `json:"owner"`
	Description      *string        `json:"description"`
	Config           map[string]any `json:"config,omitempty"`
}

// UnitTest is a test of a model's SQL over rows that are given.
type UnitTest struct {
	Model            string          `json:"model"`
	Given            []UnitTestGiven `json:"given"`
	Expect           UnitTestRows    `json:"expect"`
	Name             string          `json:"name"`
	ResourceType     string          `json:"resource_type"` // "unit_test"
	PackageName      string          `json:"package_name"`
	Path             string          `json:"path"`
	OriginalFilePath string          `json:"original_file_path"`
	UniqueID         string          `json:"unique_id"`
	FQN              []string        `json:"fqn"`
	Description      string          `json:"description"`
	Overrides        map[string]any  `json:"overrides"`
	DependsOn        DependsOn       `json:"depends_on"`
	Config           map[string]any  `json:"config"`
	Checksum         *string         `json:"checksum"`
	Schema           *string         `json:"schema"`
	CreatedAt        float64         `json:"created_at"`
	Versions         any             `json:"versions"`
	Version          any             `json:"version"`
}

// UnitTestRows are the rows that a unit test expects.
type UnitTestRows struct {
	Rows    any     `json:"rows"`   // a text, or a list of objects
	Format  string  `json:"format"` // "dict", "csv", "sql"
	Fixture *string `json:"fixture"`
}

// UnitTestGiven are the rows that stand for one of a model's inputs.
type UnitTestGiven struct {
	Input string `json:"input"` // "ref('orders')"
	UnitTestRows
}

// ReadManifest reads a manifest.json. A file that is another artifact is a
// *KindError.
func ReadManifest(path string) (*Manifest, error) {
	m := &Manifest{}
	if err := read(path, "manifest", m, &m.Metadata.Metadata); err != nil {
		return nil, err
	}
	return m, nil
}

// WriteManifest writes a manifest.json.
func WriteManifest(path string, m *Manifest) error {
	nodes := Nodes{Of: func(id string) *Node { return m.Nodes[id] }}
	if m.Nodes != nil {
		nodes.IDs = slices.AppendSeq(make([]string, 0, len(m.Nodes)), maps.Keys(m.Nodes))
	}
	return WriteManifestNodes(path, m, nodes, nil)
}
