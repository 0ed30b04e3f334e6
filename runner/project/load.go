package project

import (
	"context"
	"errors"
)

// Load reads the whole project. The error is ErrNoProject or diag.Errors with
// everything that is wrong in any file; a Project is returned beside it if
// project.yml and the target could be read.
func Load(ctx context.Context, o Options) (*Project, error) { return nil, errors.New("not written") }

// LoadTarget reads project.yml alone, and of it only what is needed to open
// the target: models may be as broken as they like.
func LoadTarget(ctx context.Context, o Options) (*Project, error) {
	return nil, errors.New("not written")
}
