package runner

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"warehouse/runner/artifact"
	"warehouse/runner/compile"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/project"
)

// ArtifactOptions of WriteArtifacts.
type ArtifactOptions struct {
	// Dir is where the files go; "" is `target` in the project's folder. A
	// relative one is relative to that folder.
	Dir string
	// Which is the command, as run_results.json names it: "build", "test".
	Which string
	// Report is the outcome of a Build, Test or Retry. Nil: only the manifest
	// is written, as after a Compile or Check.
	Report *Report
	// Compiled are nodes whose SQL is filled in, if there is no Report.
	Compiled []Compiled
	// Freshness is the outcome of a Freshness: sources.json is written beside
	// the manifest, or as SourcesFile.
	Freshness   *FreshnessReport
	SourcesFile string
	// Catalog is the outcome of a Catalog: catalog.json is written.
	Catalog *CatalogReport
	// InvocationID is the id in the files' heads if there is no Report, whose
	// run has one.
	InvocationID string
	// Mask hides secrets, which may be in what an engine said: MaskJSON in the
	// strings of a JSON text, MaskText in a text. Nil changes nothing.
	MaskJSON func([]byte) []byte
	MaskText func(string) string
}

// WriteArtifacts writes what dbt's users and their tools read after a command:
// manifest.json, the SQL of compiled nodes under compiled/, and, with a Report,
// run_results.json and catalog.json. They describe the models as they are read
// in the target's latest schema; package artifact has their shapes. The error
// says which files could not be written.
func (r *Runner) WriteArtifacts(ctx context.Context, o ArtifactOptions) error {
	g, err := r.load(ctx)
	if err != nil {
		return err
	}
	a := newArtifacts(r, g, o)
	errs := []error{a.writeCompiled(), a.writeManifest(ctx)}
	if o.Report != nil && o.Report.facts != nil {
		errs = append(errs, a.write("run_results.json", a.runResults()), a.write("catalog.json", a.catalog(o.Report.facts.records, nil)))
	}
	if o.Catalog != nil {
		errs = append(errs, a.write("catalog.json", a.catalog(o.Catalog.records, o.Catalog)))
	}
	if o.Freshness != nil {
		errs = append(errs, a.write(cmp.Or(o.SourcesFile, "sources.json"), a.sources()))
	}
	return errors.Join(errs...)
}

// facts is what a Report keeps for its artifacts.
type facts struct {
	records map[string]history.ModelRecord // of what `latest` shows, or of the run that was tested; by model name
	sql     map[string]string              // rendered, secrets as references; by node id
}

// facts of a build that has ended, as it was published or not.
func (b *build) facts(published bool) *facts {
	f := &facts{records: map[string]history.ModelRecord{}, sql: map[string]string{}}
	for name, rec := range b.records {
		if !published || !b.picked.all {
			f.records[name] = rec
		}
	}
	if published {
		for name, rec := range b.done {
			f.records[name] = rec
		}
	}
	for id, t := range b.tasks {
		if t.rendered != nil {
			f.sql[id] = t.rendered.Stored
		}
	}
	for i := range b.results {
		if n := &b.results[i]; n.Resource == compile.Test && n.SampleSQL != "" {
			f.sql[n.ID] = n.SampleSQL
		}
	}
	return f
}

// artifacts makes the values of one command's files.
type artifacts struct {
	r       *Runner
	g       *compile.Graph
	o       ArtifactOptions
	dir     string
	shown   string // the same, relative to the project if it is in it
	at      time.Time
	sql     map[string]string                  // of nodes that were compiled, as written; by id
	ids     map[string]string                  // of models, seeds and snapshots, by name
	entries map[string]string                  // YAML file that describes one of them, by id
	paths   map[string]string                  // of a model's file below its model path, by id
	tested  map[string]map[string]testedColumn // by id of the model
	passed  map[string]bool                    // data tests of a build that passed, by id
}

func newArtifacts(r *Runner, g *compile.Graph, o ArtifactOptions) *artifacts {
	a := &artifacts{r: r, g: g, o: o, dir: o.Dir, at: r.now(), sql: map[string]string{}, ids: builtIDs(g), entries: map[string]string{}, paths: make(map[string]string, len(g.Project.Models)), passed: map[string]bool{}, tested: testedColumns(g)}
	a.dir = cmp.Or(a.dir, g.Project.TargetPath, "target")
	if !filepath.IsAbs(a.dir) {
		a.dir = filepath.Join(r.project.Dir, a.dir)
	}
	a.shown = filepath.ToSlash(a.dir)
	if rel, err := filepath.Rel(r.project.Dir, a.dir); err == nil && filepath.IsLocal(rel) {
		a.shown = filepath.ToSlash(rel)
	}
	for _, m := range g.Project.Models {
		id := m.ID()
		a.paths[id] = path.Join(m.Path...) + ".sql"
		if m.YAML != nil {
			a.entries[id] = m.YAML.Pos.File
		}
	}
	if o.Report != nil && o.Report.facts != nil {
		for id, sql := range o.Report.facts.sql {
			a.compiled(id, sql)
		}
		for i := range o.Report.Nodes {
			if n := &o.Report.Nodes[i]; n.Status == StatusPass {
				a.passed[n.ID] = true
			}
		}
	}
	for _, d := range g.Project.Seeds {
		if d.YAML != nil {
			a.entries["seed."+d.Package+"."+d.Name] = d.YAML.Pos.File
		}
	}
	for _, s := range g.Project.Snapshots {
		if s.YAML != nil {
			a.entries[s.ID()] = s.YAML.Pos.File
		}
	}
	for _, c := range o.Compiled {
		a.compiled(c.ID, c.SQL)
	}
	return a
}

// compiled notes a node's SQL. Where a build reads its parents through views in
// memory, other programs find them under the names that a manifest gives them.
func (a *artifacts) compiled(id, sql string) {
	n := a.g.Nodes[id]
	if n == nil || n.Resource == compile.Seed || n.Unit != nil {
		return
	}
	a.sql[id] = a.r.readable(a.g, a.ids, sql)
}

// relation is where people read a model.
func (a *artifacts) relation(n *compile.Node) engine.Relation { return publicRelation(a.g, n) }

func (a *artifacts) database() string { return publicCatalog(a.g.Project.Target) }

// publicRelation is where people read a model, seed or snapshot: its view in
// the latest binding.
func publicRelation(g *compile.Graph, n *compile.Node) engine.Relation {
	t := g.Project.Target
	schema, name := n.Public(t)
	return engine.Relation{Database: publicCatalog(t), Schema: schema, Name: name}
}

// publicCatalog is the target's catalog as another program names it: of a file,
// its name without the ending.
func publicCatalog(t project.Target) string { return t.Database() }

func (a *artifacts) write(name string, v any) error {
	data, err := artifact.Marshal(v)
	if err != nil {
		return err
	}
	if a.o.MaskJSON != nil {
		data = a.o.MaskJSON(data)
	}
	return artifact.WriteFile(a.file(name), data)
}

func (a *artifacts) file(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(a.dir, name)
}

// writeCompiled writes the SQL of nodes where dbt does: compiled/<package>/<file>,
// of a generic data test compiled/<package>/<YAML file>/<name>.sql. A data test
// that passed has no file: a build would spend most of this on what nobody
// reads. Nothing is written outside the folder, whatever links are in it.
func (a *artifacts) writeCompiled() error {
	if len(a.sql) == 0 {
		return nil
	}
	if err := os.MkdirAll(a.dir, 0o777); err != nil {
		return err
	}
	root, err := os.OpenRoot(a.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	files := map[string]map[string]string{} // by folder and name, the id
	for id := range a.sql {
		if a.passed[id] {
			continue
		}
		dir, name := path.Split(a.compiledFile(a.g.Nodes[id]))
		if files[dir] == nil {
			files[dir] = map[string]string{}
		}
		files[dir][name] = id
	}
	for dir, names := range files {
		if err := a.writeFolder(root, filepath.FromSlash(path.Clean(dir)), names); err != nil {
			return err
		}
	}
	return nil
}

// writeFolder writes the SQL of the nodes of one folder. The folder is opened
// once: opening it for each file took longer than all else.
func (a *artifacts) writeFolder(root *os.Root, dir string, names map[string]string) error {
	if err := root.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	folder, err := root.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	for name, id := range names {
		sql := a.sql[id]
		if a.o.MaskText != nil {
			sql = a.o.MaskText(sql)
		}
		if err := folder.WriteFile(name, []byte(sql), 0o666); err != nil {
			return err
		}
	}
	return nil
}

func (a *artifacts) compiledFile(n *compile.Node) string {
	file := path.Join("compiled", n.Package, a.originalPath(n))
	if n.Test != nil && n.Test.Generic != "" || ofYAML(n) {
		file = path.Join(file, testFile(n))
	}
	return file
}

// ofYAML says whether a node has no file of its own: a snapshot of a schema file.
func ofYAML(n *compile.Node) bool {
	return n.Resource == compile.Snapshot && path.Ext(n.File) != ".sql"
}

// testFile names a generic data test's SQL; a long name is cut as dbt cuts it.
func testFile(n *compile.Node) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:`, r) {
			return '_'
		}
		return r
	}, n.Name)
	if len(name) > 200 {
		sum := md5.Sum([]byte(name))
		name = strings.ToValidUTF8(name[:30], "") + "_" + hex.EncodeToString(sum[:])
	}
	return name + ".sql"
}

// originalPath is a node's file, relative to the project or package that it is
// of.
func (a *artifacts) originalPath(n *compile.Node) string { return a.ofPackage(n.Package, n.File) }

func (a *artifacts) ofPackage(pkg, file string) string {
	if p := a.g.Project.Package(pkg); p != nil {
		return strings.TrimPrefix(file, p.Dir+"/")
	}
	return file
}

// metadata is the head of a file.
func (a *artifacts) metadata(schema string) artifact.Metadata {
	m := artifact.Metadata{SchemaVersion: schema, DBTVersion: artifact.DBTVersion, GeneratedAt: artifact.Time(a.at),
		InvocationID: artifact.Text(a.o.InvocationID), InvocationStartedAt: artifact.Text(artifact.Time(a.startedAt())), Env: map[string]string{}}
	if v := a.r.cfg.Version; v != "" {
		m.Env["WAREHOUSE_VERSION"] = v
	}
	if rep := a.o.Report; rep != nil {
		m.InvocationID = artifact.Text(rep.Run.ID)
		m.Env["WAREHOUSE_RUN_ID"] = rep.Run.ID
		m.Env["WAREHOUSE_RUN_STATUS"] = string(rep.Run.Status)
	}
	return m
}

func (a *artifacts) startedAt() time.Time {
	if rep := a.o.Report; rep != nil {
		return a.at.Add(-rep.Elapsed).Truncate(time.Microsecond)
	}
	return a.at
}

func sortedIDs(ids []string) []string {
	out := slices.Clone(ids)
	if out == nil {
		out = []string{}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
