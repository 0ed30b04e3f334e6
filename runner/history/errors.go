package history

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinels.
var (
	// ErrNoRegister: Read found no state tables in the schema: nothing was ever
	// built there.
	ErrNoRegister = errors.New("nothing was built here yet")
	// ErrNothingBefore: NextRollback found no earlier state to go back to.
	ErrNothingBefore = errors.New("there is nothing before the first publication to go back to")
	// ErrNoRun, ErrNoPublication, ErrNoTag: Run, Publication and Untag were
	// given a name that is not in the register.
	ErrNoRun         = errors.New("no such run")
	ErrNoPublication = errors.New("no such publication")
	ErrNoTag         = errors.New("no such tag")
	// ErrMoved: between planning a publication and making it somebody else
	// published.
	ErrMoved = errors.New("the live publication has changed since the preview")
)

// VersionError: the state tables were written by a later version of the tool.
// Open and Read return it; nothing was changed.
type VersionError struct{ Found, Known int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("the state tables are of version %d, this program knows up to %d", e.Found, e.Known)
}
func (e *VersionError) Hint() string { return "use the newer warehouse that wrote them" }

// RefusedError: what was asked for would change history.
type RefusedError struct {
	RunID string
	Op    string   // "build again", "publish", "tag"
	Why   []string // each a whole clause: "it was published (publication 7)"
	// Advice is what to do instead; "" for none.
	Advice string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("cannot %s run %s: %s", e.Op, e.RunID, strings.Join(e.Why, "; "))
}
func (e *RefusedError) Hint() string { return e.Advice }
