package project

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/jinja"
)

// Scalars are read as PyYAML's safe loader reads them, which is what dbt uses:
// YAML 1.1, so yes, no, on and off are booleans, 017 is octal (0o17 is text),
// 1_000 and 1:30 are numbers, and 1e5 is text, because a float needs a point
// and its exponent a sign. The expressions are those of PyYAML 6.0's resolver.py.
var (
	yamlInt   = regexp.MustCompile(`^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$`)
	yamlFloat = regexp.MustCompile(`^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
	yamlTime  = regexp.MustCompile(`^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]*))?(?:[ \t]*(Z|([-+])([0-9]{1,2})(?::([0-9]{2}))?))?)?$`)
	yamlDate  = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
)

func isNull(s string) bool {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

var yamlBools = map[string]bool{
	"yes": true, "Yes": true, "YES": true, "no": false, "No": false, "NO": false,
	"true": true, "True": true, "TRUE": true, "false": false, "False": false, "FALSE": false,
	"on": true, "On": true, "ON": true, "off": false, "Off": false, "OFF": false,
}

// PlainScalar reads a YAML scalar without quotes as PyYAML does: nil, bool,
// int64, *big.Int, float64 or string. Dates and times are the text that Python
// prints for them; the error is about a date that does not exist.
func PlainScalar(s string) (jinja.Value, error) { return scalar(s) }

// scalar returns the value of a plain scalar: nil, bool, int64, *big.Int,
// float64 or string. Dates and times are the text that Python prints for them.
// The error is about a date that does not exist.
func scalar(s string) (jinja.Value, error) {
	if isNull(s) {
		return nil, nil
	}
	switch c := s[0]; {
	case c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.':
		return numberOrTime(s)
	case len(s) <= 5:
		if b, ok := yamlBools[s]; ok {
			return b, nil
		}
	}
	return s, nil
}

func numberOrTime(s string) (jinja.Value, error) {
	switch {
	case yamlInt.MatchString(s):
		if v := intValue(strings.ReplaceAll(s, "_", "")); v != nil {
			return v, nil
		}
	case yamlFloat.MatchString(s):
		if v, ok := floatValue(strings.ToLower(strings.ReplaceAll(s, "_", ""))); ok {
			return v, nil
		}
	case yamlDate.MatchString(s), len(s) > 10 && yamlTime.MatchString(s):
		return timeText(s)
	}
	return s, nil
}

func intValue(s string) jinja.Value {
	body := strings.TrimLeft(s, "+-")
	n := new(big.Int)
	ok := true
	switch {
	case body == "0":
	case strings.HasPrefix(body, "0b"):
		_, ok = n.SetString(body[2:], 2)
	case strings.HasPrefix(body, "0x"):
		_, ok = n.SetString(body[2:], 16)
	case body != "" && body[0] == '0':
		_, ok = n.SetString(body, 8)
	case strings.Contains(body, ":"):
		for part := range strings.SplitSeq(body, ":") {
			d, good := new(big.Int).SetString(part, 10)
			if !good {
				return nil
			}
			n.Mul(n, big.NewInt(60)).Add(n, d)
		}
	default:
		_, ok = n.SetString(body, 10)
	}
	if !ok {
		return nil
	}
	if s[0] == '-' {
		n.Neg(n)
	}
	if n.IsInt64() {
		return n.Int64()
	}
	return n
}

func floatValue(s string) (float64, bool) {
	sign := 1.0
	if s[0] == '-' {
		sign = -1
	}
	body := strings.TrimLeft(s, "+-")
	switch body {
	case ".inf":
		return math.Inf(int(sign)), true
	case ".nan":
		return math.NaN(), true
	}
	sum := 0.0
	for part := range strings.SplitSeq(body, ":") {
		v, err := strconv.ParseFloat(part, 64)
		if err != nil && !math.IsInf(v, 0) {
			return 0, false
		}
		sum = sum*60 + v
	}
	return sign * sum, true
}

// timeText returns str() of the date or datetime that PyYAML makes.
func timeText(s string) (string, error) {
	m := yamlTime.FindStringSubmatch(s)
	num := func(i int) int { n, _ := strconv.Atoi(m[i]); return n }
	fraction := (m[7] + "000000")[:6]
	text := fmt.Sprintf("%04d-%02d-%02d", num(1), num(2), num(3))
	layout := time.DateOnly
	if m[4] != "" {
		text += fmt.Sprintf(" %02d:%02d:%02d", num(4), num(5), num(6))
		layout = time.DateTime
	}
	if _, err := time.Parse(layout, text); err != nil || num(1) == 0 {
		return s, fmt.Errorf("%s is not a date", s)
	}
	if m[4] == "" {
		return text, nil
	}
	if fraction != "000000" {
		text += "." + fraction
	}
	switch {
	case m[9] != "":
		text += fmt.Sprintf("%s%02d:%02d", m[9], num(10), num(11))
	case m[8] != "":
		text += "+00:00"
	}
	return text, nil
}

// tagged reads a scalar with an explicit tag.
func (f *yamlFile) tagged(n *yaml.Node) jinja.Value {
	v, err := scalar(n.Value)
	ok := false
	switch n.Tag {
	case "!!str", "!":
		return n.Value
	case "!!null":
		return nil
	case "!!bool":
		_, ok = v.(bool)
	case "!!int":
		switch v.(type) {
		case int64, *big.Int:
			ok = true
		}
	case "!!float":
		if i, isInt := v.(int64); isInt {
			v = float64(i)
		}
		_, ok = v.(float64)
	case "!!timestamp":
		ok = err == nil && yamlTime.MatchString(n.Value)
	default:
		f.errorf(n, "unknown YAML tag %s", n.Tag)
		return n.Value
	}
	if !ok {
		f.errorf(n, "%q is no %s", n.Value, strings.TrimPrefix(n.Tag, "!!"))
	}
	return v
}
