package history

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"warehouse/runner/engine"
)

// SetTag makes a tag, or moves it if there is one of that name, and adds a
// ledger entry. ValidTagName is the caller's to ask first.
func (r *Register) SetTag(ctx context.Context, c *engine.Conn, t Tag) error {
	return c.Atomic(ctx, func() error {
		if t.CreatedAt.IsZero() {
			t.CreatedAt = r.now()
		}
		t.RunID = strings.ToLower(t.RunID)
		if _, err := tag.remove(ctx, c, r.relation(tag.name), "tag = ?", t.Name); err != nil {
			return err
		}
		if err := tag.insert(ctx, c, r.relation(tag.name), []Tag{t}); err != nil {
			return err
		}
		return r.append(ctx, c, "tag "+t.Name, t.RunID, digestOf(tag, []Tag{t}))
	})
}

// Untag removes a tag; ErrNoTag.
func (r *Register) Untag(ctx context.Context, c *engine.Conn, name string) error {
	return c.Atomic(ctx, func() error {
		t, err := r.Tag(ctx, c, name)
		if err != nil {
			return err
		}
		if _, err := tag.remove(ctx, c, r.relation(tag.name), "tag = ?", name); err != nil {
			return err
		}
		return r.append(ctx, c, "untag "+name, t.RunID, digest(nil))
	})
}

// Tags returns all tags by name.
func (r *Register) Tags(ctx context.Context, c *engine.Conn) ([]Tag, error) {
	return tag.query(ctx, c, "SELECT "+tag.selectList("")+" FROM "+r.rel(tag.name)+" ORDER BY tag")
}

// Tag returns one tag; ErrNoTag.
func (r *Register) Tag(ctx context.Context, c *engine.Conn, name string) (Tag, error) {
	tags, err := tag.query(ctx, c, "SELECT "+tag.selectList("")+" FROM "+r.rel(tag.name)+" WHERE tag = ?", name)
	if err != nil {
		return Tag{}, err
	}
	if len(tags) == 0 {
		return Tag{}, fmt.Errorf("%w: %q", ErrNoTag, name)
	}
	return tags[0], nil
}

// TagNameError says why a name cannot be a tag.
type TagNameError struct{ Name, Why string }

func (e *TagNameError) Error() string { return fmt.Sprintf("%q cannot be a tag: %s", e.Name, e.Why) }
func (e *TagNameError) Hint() string {
	return "a tag is the name of a schema, and of a run on the command line; baseline, v1.0-rc and 2026-q3 are good ones"
}

// reservedTags are schemas of the product and of engines.
var reservedTags = map[string]bool{
	"latest": true, "previous": true, "main": true, "run": true, "temp": true, "system": true, "memory": true,
	"warehouse": true, "information_schema": true, "pg_catalog": true,
}

const maxTagName = 100

// ValidTagName says why a name cannot be a tag (a *TagNameError), or nil. taken
// tells whether a schema of that name exists or is configured, the schema of
// the tag itself left out if it is to be moved; it is asked without regard to
// case, so it should compare so. nil: nothing is taken.
func ValidTagName(name string, taken func(schema string) bool) error {
	no := func(format string, args ...any) error {
		return &TagNameError{Name: name, Why: fmt.Sprintf(format, args...)}
	}
	folded := strings.ToLower(name)
	spec, err := ParseSpec(name)
	switch {
	case name == "":
		return no("it is empty")
	case !utf8.ValidString(name):
		return no("it is not UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl):
		return no("it has a control character")
	case name != strings.TrimSpace(name):
		return no("it begins or ends with a blank")
	case len(name) > maxTagName:
		return no("it is longer than %d bytes", maxTagName)
	case reservedTags[folded]:
		return no("the name is reserved")
	case strings.HasPrefix(folded, "run_"):
		return no("names that begin with run_ are reserved")
	case strings.HasSuffix(folded, "__ref"):
		return no("names that end in __ref are reserved")
	case strings.HasPrefix(folded, "tag:"):
		return no("as a run it would be read as the tag %q", name[len("tag:"):])
	case strings.HasPrefix(name, "@"):
		return no("@ begins a time")
	case strings.Contains(name, "~"):
		return no("~ counts publications back, as in latest~2")
	case err != nil:
		return no("it cannot be typed as a run: %s", err.(*SpecError).Msg)
	case spec.Kind == SpecSeq:
		return no("it is a run's number")
	case spec.isID():
		return no("it is a run id")
	case spec.Kind != SpecName:
		return no("the name is reserved")
	case taken != nil && taken(name):
		return no("there is a schema of that name")
	}
	return nil
}
