package duckdb

import (
	"fmt"
	"strings"

	"warehouse/runner/engine"
)

var _ engine.Profiler = backend{}

// ProfileColumn has a mean for numbers and truth values. Infinities and NaN
// would swallow it, so they are left out; they show as the least or the
// greatest value.
func (backend) ProfileColumn(c engine.Column) engine.ColumnAggregates {
	name := engine.Ident(c.Name)
	out := engine.ColumnAggregates{
		Distinct: fmt.Sprintf("approx_count_distinct(%s)", name),
		Min:      fmt.Sprintf("CAST(min(%s) AS VARCHAR)", name),
		Max:      fmt.Sprintf("CAST(max(%s) AS VARCHAR)", name),
	}
	base, _, _ := strings.Cut(c.Type, "(")
	switch base {
	case "FLOAT", "DOUBLE":
		x := fmt.Sprintf("CAST(%s AS DOUBLE)", name)
		finite := fmt.Sprintf(" FILTER (WHERE isfinite(%s))", name)
		out.Mean, out.SD = "avg("+x+")"+finite, "stddev_samp("+x+")"+finite
	case "BOOLEAN", "DECIMAL", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT":
		if strings.HasSuffix(c.Type, "]") {
			break // a list of them
		}
		x := fmt.Sprintf("CAST(%s AS DOUBLE)", name)
		out.Mean, out.SD = "avg("+x+")", "stddev_samp("+x+")"
	}
	return out
}
