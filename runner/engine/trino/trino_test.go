package trino_test

import (
	"path/filepath"
	"testing"

	"warehouse/runner/engine"
	"warehouse/runner/engine/enginetest"
	"warehouse/runner/engine/trino"
	"warehouse/runner/engine/trino/trinotest"
)

// limits are those of the file metastore, which lists a table by the name of
// its folder, and some characters are escaped there.
var limits = enginetest.Limits{Unlisted: "\"'\\%{}"}

func TestTrino(t *testing.T) {
	limits.Run(t, trino.Engine(), func(t *testing.T) engine.Target { return trinotest.Target(t, "") })
}

func TestTrinoInAnOddSchema(t *testing.T) {
	limits.Run(t, trino.Engine(), func(t *testing.T) engine.Target { return trinotest.Target(t, "the marts ") })
}

func TestDialect(t *testing.T) {
	enginetest.Golden(t, trino.Dialect(), filepath.Join("testdata", "trino.golden"))
}
