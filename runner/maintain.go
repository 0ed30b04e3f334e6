package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// mostFiles is how many files a state table may have before they are merged:
// each publication adds one, and each is opened by whoever reads `latest`.
const mostFiles = 64

// martTables are the tables of all marts that the register knows and that are
// there.
func (s *session) martTables(ctx context.Context) ([]engine.Relation, error) {
	models, err := s.reg.AllModels(ctx, s.conn)
	if err != nil {
		return nil, err
	}
	var out []engine.Relation
	seen := map[string]bool{}
	for _, m := range models {
		if l := m.Layout; l.RunColumn != "" && l.Table != "" {
			table := s.tableOf(l)
			if key := tableKey(table); !seen[key] {
				seen[key] = true
				out = append(out, table)
			}
		}
	}
	return out, nil
}

// maintain runs statements that change no row. What meets another client's
// commit is tried again.
func (s *session) maintain(ctx context.Context, statements ...string) error {
	for _, q := range statements {
		var err error
		for range 5 {
			if _, err = s.conn.Exec(ctx, q); !conflicts(err) {
				break
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// expire gives up the files of what a prune has deleted.
func (s *session) expire(ctx context.Context, m engine.Maintainer) error {
	tables, err := s.martTables(ctx)
	if err != nil {
		return err
	}
	var qe *engine.QueryError
	for _, table := range tables {
		if err := s.maintain(ctx, m.Expire(table)); err != nil && !asBinder(err, &qe) { // a table that is gone has no files
			return fmt.Errorf("the rows are deleted, their files are not given up: %s: %w", table, err)
		}
	}
	return nil
}

// compactTables is Compact on a server: files are merged and given up, table by
// table, while others read and write.
func (r *Runner) compactTables(ctx context.Context, m engine.Maintainer) (did engine.Compacted, err error) {
	s, err := r.write(ctx, "")
	if err != nil {
		return did, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	tables, err := s.martTables(ctx)
	if err != nil {
		return did, err
	}
	tables = append(s.reg.StateTables(s.conn), tables...)
	for i, table := range tables {
		r.event(Event{Kind: EventProgress, Index: i + 1, Total: len(tables), Message: "compacting " + table.Name})
		var files, before, after, rows int64
		var qe *engine.QueryError
		err := s.conn.QueryRow(ctx, m.Files(table), nil, &files, &before, &rows)
		if err != nil && asBinder(err, &qe) {
			continue // it is gone
		}
		if err == nil {
			err = s.maintain(ctx, append(m.Merge(table), m.Expire(table))...)
		}
		if err == nil {
			err = s.conn.QueryRow(ctx, m.Files(table), nil, &files, &after, &rows)
		}
		if err != nil {
			return did, fmt.Errorf("%s: %w", table, err)
		}
		did.Before, did.After, did.Rows = did.Before+before, did.After+after, did.Rows+rows
		did.Tables++
	}
	return did, nil
}

// mergeState merges the files of state tables that have many. It asks for all
// of them at once, so that a build takes one statement more.
func (s *session) mergeState(ctx context.Context, run history.Run) {
	m, ok := s.dialect().(engine.Maintainer)
	if !ok {
		return
	}
	tables := s.reg.StateTables(s.conn)
	var parts []string
	for i, table := range tables {
		parts = append(parts, fmt.Sprintf("SELECT %d, files FROM (%s) AS f(files, bytes, rows_)", i, m.Files(table)))
	}
	err := func() error {
		many := map[int]bool{}
		err := s.conn.Each(ctx, strings.Join(parts, " UNION ALL "), nil, func(scan func(...any) error) error {
			var i int
			var files int64
			err := scan(&i, &files)
			many[i] = files > mostFiles
			return err
		})
		if err != nil {
			return err
		}
		for i, table := range tables {
			if many[i] {
				if err := s.maintain(ctx, append(m.Merge(table), m.Expire(table))...); err != nil {
					return err
				}
			}
		}
		return nil
	}()
	if err != nil && ctx.Err() == nil {
		s.r.warn(&diag.Error{Warn: true, Msg: fmt.Sprintf("r%d is published; the small files of the state tables could not be merged: %s", run.Seq, s.r.hide(err.Error())),
			Advice: "`warehouse compact` does it"})
	}
}
