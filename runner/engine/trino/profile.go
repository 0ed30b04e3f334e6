package trino

import (
	"fmt"
	"strings"

	"warehouse/runner/engine"
)

var _ engine.Profiler = backend{}

// ProfileColumn sums up what has an order: not maps, rows and arrays. NaN and
// infinities are left out of the mean.
func (backend) ProfileColumn(c engine.Column) engine.ColumnAggregates {
	name, typ := engine.Ident(c.Name), strings.ToLower(c.Type)
	base, _, _ := strings.Cut(typ, "(")
	out := engine.ColumnAggregates{}
	switch base {
	case "map", "row", "array", "json":
		return out
	}
	out.Distinct = fmt.Sprintf("approx_distinct(%s)", name)
	if base == "varbinary" {
		return out
	}
	out.Min, out.Max = fmt.Sprintf("CAST(min(%s) AS varchar)", name), fmt.Sprintf("CAST(max(%s) AS varchar)", name)
	x := fmt.Sprintf("CAST(%s AS double)", name)
	switch base {
	case "real", "double":
		finite := fmt.Sprintf(" FILTER (WHERE is_finite(%s))", name)
		out.Mean, out.SD = "avg("+x+")"+finite, "stddev_samp("+x+")"+finite
	case "boolean", "decimal", "tinyint", "smallint", "integer", "bigint":
		out.Mean, out.SD = "avg("+x+")", "stddev_samp("+x+")"
	}
	return out
}
