//go:build unix

package duckdb

import (
	"os"
	"syscall"
)

// keepOwner gives a file the owner of another, as far as that is allowed.
func keepOwner(path string, as os.FileInfo) {
	if st, ok := as.Sys().(*syscall.Stat_t); ok {
		_ = os.Chown(path, int(st.Uid), int(st.Gid))
	}
}
