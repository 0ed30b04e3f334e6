// Package artifact reads and writes the JSON files by which dbt tells other
// programs about a project: manifest.json (v12), run_results.json (v6),
// catalog.json (v1) and sources.json (v3).
//
// It depends on nothing else of this module, so that any program can use it:
//
//	m, err := artifact.ReadManifest("target/manifest.json")
//	for id, n := range m.Nodes {
//		fmt.Println(id, n.OriginalFilePath)
//	}
//
// manifest.go, runresults.go, catalog.go and sources.go hold one file's shape
// each; the fields are those of dbt's public JSON schemas
// (https://schemas.getdbt.com), in their order.
//
// Reading is lenient: a field that this package does not know is passed over,
// and parts that it does not model (metrics, semantic models, saved queries)
// are kept as they are. A file of another version is read as far as it has the
// same fields; Metadata.SchemaVersion says which one it is.
//
// Writing is exact: the same value gives the same bytes (the keys of maps are
// sorted), and what is written by a value of which the fields marked required
// are set is valid against the schema. A file is replaced at once: a reader
// sees the old one or the new one, never half of it.
package artifact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Schema versions of the files, as Metadata.SchemaVersion has them.
const (
	ManifestSchema   = "https://schemas.getdbt.com/dbt/manifest/v12.json"
	RunResultsSchema = "https://schemas.getdbt.com/dbt/run-results/v6.json"
	CatalogSchema    = "https://schemas.getdbt.com/dbt/catalog/v1.json"
	SourcesSchema    = "https://schemas.getdbt.com/dbt/sources/v3.json"
)

// DBTVersion is the version of dbt whose files a writer of this package's
// shapes imitates. Readers choose by it which fields to expect.
const DBTVersion = "1.11.0"

// Metadata is the head of every artifact.
type Metadata struct {
	SchemaVersion       string            `json:"dbt_schema_version"` // required
	DBTVersion          string            `json:"dbt_version,omitempty"`
	GeneratedAt         string            `json:"generated_at,omitempty"` // as Time writes it
	InvocationID        *string           `json:"invocation_id"`
	InvocationStartedAt *string           `json:"invocation_started_at,omitempty"`
	Env                 map[string]string `json:"env,omitzero"` // free: what whoever ran it wants to be known
}

// Time writes a moment as dbt's artifacts do: in UTC, with microseconds. The
// zero time is "".
func Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

// Text is a nullable text: nil for "".
func Text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Marshal returns an artifact as it is written to a file. It fails for values
// that JSON does not have: a NaN, a function.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// WriteFile replaces a file at once; folders are made as needed. If it fails,
// an earlier file is as it was.
func WriteFile(path string, data []byte) error {
	return replace(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// replace is WriteFile of what fill writes.
func replace(path string, fill func(w io.Writer) error) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		f, err = os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	}
	if err != nil {
		return err
	}
	if err = fill(f); err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func write(path string, v any) error {
	data, err := Marshal(v)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return WriteFile(path, data)
}

// read fills v from a file; kind is the name of the artifact in its schema.
func read(path, kind string, v any, meta *Metadata) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if !isKind(meta.SchemaVersion, kind) {
		return &KindError{Path: path, Want: kind, Schema: meta.SchemaVersion}
	}
	return nil
}

func isKind(schema, kind string) bool {
	return filepath.Base(filepath.Dir(filepath.FromSlash(schema))) == kind
}

// KindError: a file is JSON, but not the artifact that was asked for.
type KindError struct {
	Path, Want string
	Schema     string // what it says that it is; "" if it says nothing
}

func (e *KindError) Error() string {
	if e.Schema == "" {
		return fmt.Sprintf("%s is no artifact of dbt: it has no metadata.dbt_schema_version", e.Path)
	}
	return fmt.Sprintf("%s is of the schema %s, not of %s", e.Path, e.Schema, e.Want)
}
