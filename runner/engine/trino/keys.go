package trino

import (
	"fmt"
	"regexp"
	"strings"

	"warehouse/runner/engine"
)

var _ engine.KeyJoiner = backend{}

// some is a value of each type that keys have; which one does not matter.
var some = []struct {
	re    *regexp.Regexp
	value string
}{
	{regexp.MustCompile(`^varchar`), "''"},
	{regexp.MustCompile(`^(?:tinyint|smallint|integer|bigint|decimal\b.*|real|double)$`), "CAST(0 AS %s)"},
	{regexp.MustCompile(`^boolean$`), "false"},
	{regexp.MustCompile(`^date$`), "DATE '1970-01-01'"},
	{regexp.MustCompile(`^timestamp`), "CAST(TIMESTAMP '1970-01-01 00:00:00 UTC' AS %s)"},
	{regexp.MustCompile(`^varbinary$`), "X''"},
	{regexp.MustCompile(`^uuid$`), "UUID '00000000-0000-0000-0000-000000000000'"},
}

// SameKey compares with =, beside whether the values are NULL: the planner
// takes IS NOT DISTINCT FROM for a filter over all pairs of rows. NaN is equal
// to NaN here as there.
func (backend) SameKey(typ, a, b string) string {
	for _, s := range some {
		if !s.re.MatchString(typ) {
			continue
		}
		value := s.value
		if strings.Contains(value, "%s") {
			value = fmt.Sprintf(value, typ)
		}
		if typ == "real" || typ == "double" {
			return fmt.Sprintf("%s = %s AND %s = %s AND %s = %s", isNull(a), isNull(b), isNaN(a), isNaN(b), number(a, value), number(b, value))
		}
		return fmt.Sprintf("%[3]s = %[4]s AND coalesce(%[1]s, %[5]s) = coalesce(%[2]s, %[5]s)", a, b, isNull(a), isNull(b), value)
	}
	return a + " IS NOT DISTINCT FROM " + b
}

func isNull(x string) string { return "(" + x + " IS NULL)" }
func isNaN(x string) string  { return "coalesce(is_nan(" + x + "), false)" }

// number is a value that is equal to itself.
func number(x, zero string) string {
	return fmt.Sprintf("CASE WHEN is_nan(%[1]s) THEN %[2]s ELSE coalesce(%[1]s, %[2]s) END", x, zero)
}
