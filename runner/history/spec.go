package history

import (
	"fmt"
	"strings"
	"time"
)

// SpecKind says what a Spec names.
type SpecKind string

const (
	SpecLatest SpecKind = "latest" // the publication Back steps before the newest
	SpecSeq    SpecKind = "seq"    // the run of that number
	SpecTime   SpecKind = "time"   // what was published at At
	SpecTag    SpecKind = "tag"    // a tag and nothing else
	SpecName   SpecKind = "name"   // a tag, or a run id or a part of one
)

// Spec is a parsed run spec.
type Spec struct {
	Text string
	Kind SpecKind
	Back int       // SpecLatest: 0 latest, 1 previous
	Seq  int64     // SpecSeq
	At   time.Time // SpecTime: the last instant that counts
	Name string    // SpecTag, SpecName
}

// ParseSpec reads a run spec; *SpecError if it is malformed.
func ParseSpec(text string) (Spec, error) { return Spec{}, errNotYet }

// SpecError: a run spec is malformed, or names nothing, or more than one thing.
type SpecError struct {
	Spec       string
	Off        int // byte where it goes wrong, -1 if it is well formed
	Msg        string
	Candidates []string // what may have been meant, each as it can be typed
	Advice     string
}

func (e *SpecError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "run %q: %s", e.Spec, e.Msg)
	return b.String()
}
func (e *SpecError) Hint() string { return e.Advice }
