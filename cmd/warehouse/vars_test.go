package main

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"warehouse/runner/diag"
)

func TestVars(t *testing.T) {
	big20, _ := new(big.Int).SetString("12345678901234567890", 10)
	for _, c := range []struct {
		in   string
		want map[string]any
	}{
		{"", nil},
		{"{}", map[string]any{}},
		{"{upto: 2}", map[string]any{"upto": int64(2)}},
		{`{"a": 1, "b": [1, "x", null], "c": {"d": true}}`, map[string]any{"a": int64(1), "b": []any{int64(1), "x", nil}, "c": map[string]any{"d": true}}},
		{"a: 1\nb: text here", map[string]any{"a": int64(1), "b": "text here"}},
		{"{f: 1.5, e: 1e5, neg: -3, zero: 0, hex: 0x1F, huge: 12345678901234567890}",
			map[string]any{"f": 1.5, "e": 1e5, "neg": int64(-3), "zero": int64(0), "hex": int64(31), "huge": big20}},
		{"{y: yes, n: No, on: on, off: off, t: true, q: 'yes', w: yesterday}",
			map[string]any{"y": true, "n": false, "on": true, "off": false, "t": true, "q": "yes", "w": "yesterday"}},
		{"{date: 2026-11-01, at: 2026-11-01T09:00:00Z, id: '007', one: \"1\", none: ~, empty: }",
			map[string]any{"date": "2026-11-01", "at": "2026-11-01T09:00:00Z", "id": "007", "one": "1", "none": nil, "empty": nil}},
		{"{1: a, url: http://x/y}", map[string]any{"1": "a", "url": "http://x/y"}},
	} {
		got, err := parseVars(c.in)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s\n got %#v, %v\nwant %#v", c.in, got, err, c.want)
		}
	}
}

func TestVarsErrors(t *testing.T) {
	var b strings.Builder
	for _, in := range []string{
		"key=value", "[1, 2]", "text", "{a: 1", "{a: 1]", "{a: [1, 2}", "{a: 'x}", "{a:1}", "{a: 1, a: 2}", "{{x: 1}: 2}", "a: 1\n b: 2", "{a: &x 1, b: *x}", "{a: \t@}",
	} {
		_, err := parseVars(in)
		if err == nil {
			t.Errorf("%q is no error", in)
			continue
		}
		fmt.Fprintf(&b, "%s\n", errorText(err, paint{}))
	}
	golden(t, "golden/vars.txt", b.String())
}

func FuzzVars(f *testing.F) {
	for _, s := range []string{"{a: 1}", "{a: [1, {b: 'x'}]}", "a: |\n  x\n", "{a: &x 1, b: *x}", "\"", "{a:1}", "? x", "!!binary x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_, err := parseVars(s)
		var placed *diag.Error
		if err != nil && !errors.As(err, &placed) {
			t.Errorf("%v has no place", err)
		}
	})
}
