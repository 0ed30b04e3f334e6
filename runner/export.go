package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"warehouse/runner/binding"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// ExportOptions of Export.
type ExportOptions struct {
	Run    string   // run spec; "" is latest
	Format string   // "duckdb", "parquet" or "csv"
	To     string   // a file, or for parquet and csv a folder
	Select []string // names or globs of marts; none: all
}

// Exported says what Export wrote.
type Exported struct {
	To, Format string
	RunID      string // of the snapshot
	Marts      []ExportedMart
	Rows       int64
	Unchanged  int  // marts that an earlier export held already: they were not written again
	Replaced   bool // an earlier export was there
}

// ExportedMart is one mart of an export.
type ExportedMart struct {
	Mart  string `json:"mart"`
	RunID string `json:"run_id"`         // whose rows they are
	File  string `json:"file,omitempty"` // in the folder
	Rows  int64  `json:"rows"`
}

// listedMart is a mart in the list of an export: with it what tells whether its
// file is still the one that was written.
type listedMart struct {
	ExportedMart
	Bytes    int64 `json:"bytes"`
	Modified int64 `json:"modified_ns"`
}

// Export writes every mart and view model of one snapshot into files that
// other programs can read. It is written aside and renamed: whoever reads To
// finds the earlier export or this one, whole, and a failure leaves the
// earlier one. A To that is anything else than an earlier export is refused.
func (r *Runner) Export(ctx context.Context, o ExportOptions) (*Exported, error) {
	x, ok := r.dialect().(engine.Exporter)
	if !ok {
		return nil, &UsageError{Msg: fmt.Sprintf("the engine of target %s cannot write files here", r.project.Target.Name), Advice: "`warehouse query --output csv` prints a mart"}
	}
	s, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	snap, err := s.resolve(ctx, o.Run)
	if err != nil {
		return nil, err
	}
	e := &export{session: s, Exporter: x, format: o.Format, out: &Exported{To: o.To, Format: o.Format, RunID: snap.Run}, seq: snap.Publication}
	if err := e.write(ctx, snap, o.Select); err != nil {
		return nil, err
	}
	return e.out, nil
}

// write writes the chosen marts of a snapshot to the export's place.
func (e *export) write(ctx context.Context, snap history.Snapshot, patterns []string) (err error) {
	if err := e.bind(ctx, snap, patterns); err != nil {
		return err
	}
	if e.place, err = e.r.exportPlace(e.out.To); err != nil {
		return err
	}
	if err := e.mayReplace(ctx); err != nil {
		return err
	}
	if e.isCurrent() {
		return nil
	}
	if e.format == formatDuckDB {
		return e.place.write(func(aside string) error { return e.database(ctx, aside) })
	}
	if e.keep || e.place.keeps {
		return e.place.writeVersion(func(aside, stays string) error { return e.folder(ctx, aside, stays) }, e.r.project.Target.Publish.Keep)
	}
	return e.place.write(func(aside string) error { return e.folder(ctx, aside, "") })
}

// Formats of an export.
const formatDuckDB = "duckdb"

// export is one export under way.
type export struct {
	*session
	engine.Exporter
	format string
	place  *exportPlace
	marts  []exportMart
	out    *Exported
	seq    int64 // the publication that is exported; 0: a run's snapshot

	// Of a copy that follows publications: what did not change is kept.
	keep    bool
	earlier map[string]listedMart // what the folder holds, by mart
	remarks map[string]string     // what the database holds: remarks, by table
}

// exportMart is what is written: a view in memory, and its name for people.
type exportMart struct {
	rec  history.ModelRecord
	view engine.Relation
}

// bind makes the chosen marts of a snapshot readable in memory.
func (e *export) bind(ctx context.Context, snap history.Snapshot, patterns []string) error {
	records, err := e.reg.Records(ctx, e.conn, snap)
	if err != nil {
		return err
	}
	for name, id := range snap.Marts {
		if _, ok := records[name]; !ok {
			return &binding.NoRecordError{Model: name, RunID: id}
		}
	}
	names, err := chooseMarts(records, patterns)
	if err != nil {
		return err
	}
	w := &work{base: snap, records: records, names: map[string]bool{}, bound: map[string]bool{}}
	for _, name := range names {
		w.bound[name] = true
		w.closure(name)
	}
	views, err := binding.Memory(e.dialect(), w.baseSnapshot(), records)
	if err != nil {
		return err
	}
	if err := binding.CreateSchemas(ctx, e.conn); err != nil {
		return err
	}
	if err := binding.Create(ctx, e.conn, views); err != nil {
		return err
	}
	for _, name := range names {
		_, shown, err := binding.MemoryModel(e.dialect(), records[name])
		if err != nil {
			return err
		}
		e.marts = append(e.marts, exportMart{rec: records[name], view: shown.Relation()})
	}
	return nil
}

// chooseMarts returns the names of a snapshot's marts that match any of the
// patterns, sorted.
func chooseMarts(records map[string]history.ModelRecord, patterns []string) ([]string, error) {
	all := slices.Sorted(maps.Keys(records))
	if len(all) == 0 {
		return nil, &UsageError{Msg: "the run has no marts"}
	}
	if len(patterns) == 0 {
		return all, nil
	}
	chosen := map[string]bool{}
	for _, text := range patterns {
		for _, p := range strings.Fields(text) {
			found := false
			for _, name := range all {
				ok, err := path.Match(strings.ToLower(p), strings.ToLower(name))
				if err != nil {
					return nil, &UsageError{Msg: fmt.Sprintf("--select %s: %v", p, err)}
				}
				if ok {
					chosen[name], found = true, true
				}
			}
			if !found {
				e := &UsageError{Msg: fmt.Sprintf("the run has no mart %q", p), Advice: "--select takes names of marts and globs such as 'mart_*'; the run has " + some(all)}
				if near := diag.Nearest(p, all); near != "" {
					e.Msg += fmt.Sprintf("; did you mean %q?", near)
				}
				return nil, e
			}
		}
	}
	return slices.Sorted(maps.Keys(chosen)), nil
}

// some names the first few of a list.
func some(names []string) string {
	const most = 8
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// exportCatalog is the name of the file that is written.
const exportCatalog = "warehouse_export"

// exportRemark begins the comment of every table of an export: by it an
// earlier export is known.
const exportRemark = "warehouse export of "

// database writes all marts as tables of one new database file.
func (e *export) database(ctx context.Context, file string) (err error) {
	if _, err := e.conn.Exec(ctx, e.AttachFile(file, exportCatalog, false)); err != nil {
		return err
	}
	attached := true
	defer func() {
		if attached {
			q := e.DetachFile(exportCatalog)
			_, derr := e.conn.Exec(context.WithoutCancel(ctx), q[len(q)-1])
			err = errors.Join(err, derr)
		}
	}()
	for i, m := range e.marts {
		e.progress(i, m)
		table := engine.Relation{Database: exportCatalog, Schema: "main", Name: m.view.Name}
		if _, err := e.conn.Exec(ctx, "CREATE TABLE "+table.String()+" AS SELECT * FROM "+m.view.String()); err != nil {
			return err
		}
		if _, err := e.conn.Exec(ctx, e.Remark(table, remark(m))); err != nil {
			return err
		}
		var rows int64
		if err := e.conn.QueryRow(ctx, "SELECT count(*) FROM "+table.String(), nil, &rows); err != nil {
			return err
		}
		if err := e.wrote(m, "", rows); err != nil {
			return err
		}
	}
	for _, q := range e.DetachFile(exportCatalog) {
		if _, err := e.conn.Exec(ctx, q); err != nil {
			return err
		}
	}
	attached = false
	return nil
}

// folder writes each mart into a file of its own, and what they are; stays is
// where the folder will be for good, if it will.
func (e *export) folder(ctx context.Context, dir, stays string) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	for i, m := range e.marts {
		e.progress(i, m)
		file := exportFile(m.view.Name) + "." + e.format
		if rows, ok := e.link(m, file, dir); ok {
			e.out.Unchanged++
			if err := e.wrote(m, file, rows); err != nil {
				return err
			}
			continue
		}
		all := "SELECT * FROM " + m.view.String()
		columns, err := e.conn.Describe(ctx, all)
		if err != nil {
			return err
		}
		rows, err := e.conn.Exec(ctx, e.CopyQuery(all, columns, filepath.Join(dir, file), e.format))
		if err != nil {
			return fmt.Errorf("%s: %w", m.rec.Model, err)
		}
		if err := e.wrote(m, file, rows); err != nil {
			return err
		}
	}
	return writeExportList(dir, stays, e.out, e.seq)
}

// link puts a mart's file of the earlier export into the new one, if it holds
// the same rows: one file under two names costs nothing. View models have no
// rows of their own, so they are always written.
func (e *export) link(m exportMart, file, dir string) (rows int64, ok bool) {
	had, ok := e.earlier[m.rec.Model]
	if !e.keep || !ok || m.rec.Kind == binding.ViewKind || had.File != file || had.RunID != dataRun(m.rec) {
		return 0, false
	}
	old := filepath.Join(e.place.path, file)
	info, err := os.Lstat(old)
	if err != nil || !info.Mode().IsRegular() || info.Size() != had.Bytes || info.ModTime().UnixNano() != had.Modified {
		return 0, false
	}
	return had.Rows, os.Link(old, filepath.Join(dir, file)) == nil
}

// isCurrent says whether the database that is there holds just what would be
// written, and notes it as written.
func (e *export) isCurrent() bool {
	if !e.keep || e.format != formatDuckDB || len(e.remarks) != len(e.marts) {
		return false
	}
	for _, m := range e.marts {
		if m.rec.Kind == binding.ViewKind || m.rec.RowCount < 0 || e.remarks[m.view.Name] != remark(m) {
			return false
		}
	}
	for _, m := range e.marts {
		e.out.Marts = append(e.out.Marts, ExportedMart{Mart: m.rec.Model, RunID: dataRun(m.rec), Rows: m.rec.RowCount})
		e.out.Rows += m.rec.RowCount
	}
	e.out.Unchanged = len(e.marts)
	return true
}

// remark says which run's rows a table of an export holds.
func remark(m exportMart) string { return exportRemark + m.rec.Model + ", run " + dataRun(m.rec) }

func (e *export) progress(i int, m exportMart) {
	e.r.event(Event{Kind: EventProgress, Index: i + 1, Total: len(e.marts), Run: e.out.RunID, Message: "exporting " + m.rec.Model})
}

// wrote notes a mart, and holds its rows against the register.
func (e *export) wrote(m exportMart, file string, rows int64) error {
	if m.rec.Kind != binding.ViewKind && m.rec.RowCount >= 0 && rows != m.rec.RowCount {
		return fmt.Errorf("%s has %d rows, and %d were recorded: `warehouse verify` says more", m.rec.Model, rows, m.rec.RowCount)
	}
	e.out.Marts = append(e.out.Marts, ExportedMart{Mart: m.rec.Model, RunID: dataRun(m.rec), File: file, Rows: rows})
	e.out.Rows += rows
	return nil
}

func dataRun(rec history.ModelRecord) string {
	if rec.DataRunID != "" {
		return rec.DataRunID
	}
	return rec.RunID
}

// mayReplace refuses a place where something else than an earlier export is.
func (e *export) mayReplace(ctx context.Context) error {
	p := e.place
	refused := func(format string, args ...any) error {
		return &UsageError{Msg: fmt.Sprintf("%s %s: it is not replaced", p.asked, fmt.Sprintf(format, args...)),
			Advice: "choose another place, or move it away"}
	}
	info, err := os.Stat(p.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if e.format != formatDuckDB {
		if !info.IsDir() {
			return refused("is a file, and %s needs a folder", e.format)
		}
		foreign, n, err := foreignFile(p.path)
		if err != nil {
			return err
		}
		e.earlier = listed(p.path)
		if foreign != "" {
			return refused("is a folder with %s, which no export wrote", foreign)
		}
		e.out.Replaced = n > 0
		return nil
	}
	if !info.Mode().IsRegular() {
		return refused("is no file")
	}
	if _, err := os.Lstat(p.path + ".wal"); err == nil {
		return refused("was changed by another program (%s.wal is there)", filepath.Base(p.path))
	}
	if info.Size() == 0 {
		return nil
	}
	e.out.Replaced = true
	if err := e.isExport(ctx, p.path); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return refused("is no earlier export (%v)", err)
	}
	return nil
}

// isExport says why a database file is no export, or nil.
func (e *export) isExport(ctx context.Context, file string) error {
	const name = "warehouse_earlier"
	if _, err := e.conn.Exec(ctx, e.AttachFile(file, name, true)); err != nil {
		return err
	}
	err := e.allExported(ctx, name)
	q := e.DetachFile(name)
	_, derr := e.conn.Exec(context.WithoutCancel(ctx), q[len(q)-1])
	return errors.Join(err, derr)
}

func (e *export) allExported(ctx context.Context, name string) error {
	e.remarks = map[string]string{}
	err := e.conn.Each(ctx, e.Remarks(name), nil, func(scan func(...any) error) error {
		var schema, table string
		var text *string
		if err := scan(&schema, &table, &text); err != nil {
			return err
		}
		if text == nil || !strings.HasPrefix(*text, exportRemark) {
			return fmt.Errorf("no export wrote %s.%s", schema, table)
		}
		e.remarks[table] = *text
		return nil
	})
	if err != nil {
		return err
	}
	if len(e.remarks) == 0 {
		return errors.New("it has no tables")
	}
	return nil
}
