package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"warehouse/runner/engine"
)

// replay builds once with the statement log on, and then sends that log to a
// copy of the database as it was before, on one connection. The build has one
// worker, so its transactions do not overlap. Only the sending is timed.
func (j job) replay() error {
	if j.round == 0 {
		if err := j.write(); err != nil {
			return err
		}
	}
	own := j.file
	j.file = filepath.Join(filepath.Dir(own), "replay.duckdb")
	if err := copyFile(own, j.file); err != nil {
		return err
	}
	var mu sync.Mutex
	var log []engine.Statement
	err := j.build(func(s engine.Statement) {
		mu.Lock()
		defer mu.Unlock()
		log = append(log, s)
	})
	if err != nil {
		return err
	}
	ctx := context.Background()
	start := time.Now()
	db, err := j.raw()
	if err != nil {
		return err
	}
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	if err := sendAll(ctx, c, "USE warehouse"); err != nil {
		return err
	}
	for _, s := range log {
		if err := send(ctx, c, s); err != nil {
			return fmt.Errorf("%s: %w", s.SQL, err)
		}
	}
	err = c.Close()
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return report(start, j.file)
}

func send(ctx context.Context, c *sql.Conn, s engine.Statement) error {
	rows, err := c.QueryContext(ctx, s.SQL, s.Args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

// copyFile copies a database that no process has open; one that is not there
// yet is no file in the copy either.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
