package runner

import (
	"context"
	"fmt"
	"strings"

	"warehouse/runner/binding"
	"warehouse/runner/history"
)

// TagOptions of Tag.
type TagOptions struct {
	Move bool // an existing tag is moved
	Note string
}

// Tag gives a snapshot a name, and makes its binding: a schema of that name.
func (r *Runner) Tag(ctx context.Context, spec, name string, o TagOptions) (history.Tag, error) {
	s, err := r.write(ctx, "")
	if err != nil {
		return history.Tag{}, err
	}
	defer s.Close()
	snap, err := s.resolve(ctx, spec)
	if err != nil {
		return history.Tag{}, err
	}
	exists, err := s.mayTag(ctx, name, o)
	if err != nil {
		return history.Tag{}, err
	}
	records, err := s.reg.Records(ctx, s.conn, snap)
	if err != nil {
		return history.Tag{}, err
	}
	views, err := binding.Stored(s.dialect(), r.project.Target.StorageSchema, name, binding.Literal, snap, records)
	if err != nil {
		return history.Tag{}, err
	}
	t := history.Tag{Name: name, RunID: snap.Run, Publication: snap.Publication, CreatedAt: r.now(), CreatedBy: r.cfg.User, Note: o.Note}
	err = s.conn.Atomic(ctx, func() error {
		if exists {
			if err := s.reg.Untag(ctx, s.conn, name); err != nil {
				return err
			}
		}
		if err := s.reg.SetTag(ctx, s.conn, t); err != nil {
			return err
		}
		_, err := binding.Sync(ctx, s.conn, s.reg, name, views)
		return err
	})
	return t, err
}

// MayTag returns the error of a Tag that would be refused. It changes nothing.
func (r *Runner) MayTag(ctx context.Context, name string, o TagOptions) error {
	s, err := r.read(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.mayTag(ctx, name, o)
	return err
}

// mayTag refuses names that mean something else, and says whether the tag is
// there already.
func (s *session) mayTag(ctx context.Context, name string, o TagOptions) (exists bool, err error) {
	tags, err := s.reg.Tags(ctx, s.conn)
	if err != nil {
		return false, err
	}
	for _, t := range tags {
		if t.Name == name {
			if !o.Move {
				return true, &UsageError{Msg: fmt.Sprintf("tag %q is there already, on run %s", name, t.RunID), Advice: "--move moves it"}
			}
			return true, nil
		}
	}
	schemas, err := binding.Schemas(ctx, s.conn)
	if err != nil {
		return false, err
	}
	t := s.r.project.Target
	for _, own := range []string{t.StorageSchema, t.LatestSchema, s.previousSchema()} {
		schemas[strings.ToLower(own)] = own
	}
	return false, history.ValidTagName(name, func(schema string) bool { return schemas[strings.ToLower(schema)] != "" })
}

// Untag removes a tag and its binding; an unknown one is history.ErrNoTag.
func (r *Runner) Untag(ctx context.Context, name string) error {
	s, err := r.write(ctx, "")
	if err != nil {
		return err
	}
	defer s.Close()
	return s.conn.Atomic(ctx, func() error {
		if err := s.reg.Untag(ctx, s.conn, name); err != nil {
			return err
		}
		return binding.Remove(ctx, s.conn, s.reg, name)
	})
}

// Tags lists all tags by name.
func (r *Runner) Tags(ctx context.Context) ([]history.Tag, error) {
	s, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if s.reg == nil {
		return nil, nil
	}
	return s.reg.Tags(ctx, s.conn)
}
