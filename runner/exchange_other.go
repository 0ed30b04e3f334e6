//go:build !linux

package runner

import "errors"

func exchange(string, string) error { return errors.ErrUnsupported }
