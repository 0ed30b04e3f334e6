package history

import (
	"context"
	"errors"

	"warehouse/runner/engine"
)

var errNotYet = errors.New("history: not written yet")

// Mismatch is a place where the register is not what its ledger says.
type Mismatch struct {
	What string // "run", "publication", "tag", "ledger"
	Name string // run id, publication seq, tag, ledger seq
	Seq  int64  // of the run: what people type as r42; 0 if it is gone
	Msg  string // "was changed after it was recorded"
}

// VerifyLedger checks that the chain of entries holds, and that each run,
// publication and tag is what its newest entry says. It returns what does not
// agree, in the order of the ledger.
func (r *Register) VerifyLedger(ctx context.Context, c *engine.Conn) ([]Mismatch, error) {
	return nil, errNotYet
}
