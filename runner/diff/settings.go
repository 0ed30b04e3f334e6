package diff

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/engine"
)

// usual are the settings of the engine that shape what SQL computes, and their
// values where nobody changed them.
var usual = map[string]string{"timezone": "Etc/UTC", "calendar": "gregorian", "default_null_order": "NULLS_LAST", "default_order": "ASCENDING",
	"integer_division": "false", "ieee_floating_point_ops": "true", "default_collation": "", "old_implicit_casting": "false",
	"order_by_non_integer_literal": "false", "scalar_subquery_error_on_multiple_rows": "true", "disable_timestamptz_casts": "false",
	"binary_as_string": "false"}

// Settings returns the engine's settings that shape what SQL computes, as far as
// they are not its own: the zone in which times are shown, how integers are
// divided, … Nil if all are.
func Settings(ctx context.Context, c *engine.Conn) (map[string]string, error) {
	if c.DB().Dialect().Name() == "trino" {
		return nil, nil
	}
	var out map[string]string
	err := read(ctx, c, "SELECT name, value FROM duckdb_settings()", func(row []*string) {
		if row[0] == nil || row[1] == nil {
			return
		}
		was, ok := usual[strings.ToLower(*row[0])]
		if !ok || *row[1] == was || was == "Etc/UTC" && *row[1] == "UTC" {
			return
		}
		if out == nil {
			out = map[string]string{}
		}
		out[*row[0]] = *row[1]
	})
	return out, err
}

// OtherSettings says how two results of Settings differ: "TimeZone: Etc/UTC ->
// America/Lima"; "" if they do not.
func OtherSettings(a, b map[string]string) string {
	names := slices.Collect(maps.Keys(a))
	names = slices.AppendSeq(names, maps.Keys(b))
	slices.Sort(names)
	value := func(m map[string]string, name string) string {
		if v, ok := m[name]; ok {
			return v
		}
		return usual[strings.ToLower(name)]
	}
	var out []string
	for _, name := range slices.Compact(names) {
		if x, y := value(a, name), value(b, name); x != y {
			out = append(out, fmt.Sprintf("%s: %s -> %s", name, x, y))
		}
	}
	return strings.Join(out, ", ")
}
