package history_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"warehouse/runner/history"
)

func TestParseSpec(t *testing.T) {
	name := func(s string) history.Spec { return history.Spec{Kind: history.SpecName, Name: s} }
	at := func(s string) history.Spec {
		when, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return history.Spec{Kind: history.SpecTime, At: when.UTC()}
	}
	for text, want := range map[string]history.Spec{
		"latest":                         {Kind: history.SpecLatest},
		"latest~0":                       {Kind: history.SpecLatest},
		"latest~12":                      {Kind: history.SpecLatest, Back: 12},
		"previous":                       {Kind: history.SpecLatest, Back: 1},
		"r42":                            {Kind: history.SpecSeq, Seq: 42},
		"R7":                             {Kind: history.SpecSeq, Seq: 7},
		"tag:r42":                        {Kind: history.SpecTag, Name: "r42"},
		"tag:a b:c":                      {Kind: history.SpecTag, Name: "a b:c"},
		"baseline":                       name("baseline"),
		"v1.0-rc":                        name("v1.0-rc"),
		"r42x":                           name("r42x"),
		"r":                              name("r"),
		"Latest":                         name("Latest"),
		"é":                              name("é"),
		"01900000-3":                     name("01900000-3"),
		"@2026-11-01":                    at("2026-11-01T23:59:59.999999999Z"),
		"@2024-02-29":                    at("2024-02-29T23:59:59.999999999Z"),
		"@2026-11-01T09:00":              at("2026-11-01T09:00:00Z"),
		"@2026-11-01 09:00":              at("2026-11-01T09:00:00Z"),
		"@2026-11-01T09:00:05":           at("2026-11-01T09:00:05Z"),
		"@2026-11-01T09:00:05.25":        at("2026-11-01T09:00:05.25Z"),
		"@2026-11-01T09:00:05Z":          at("2026-11-01T09:00:05Z"),
		"@2026-11-01t09:00:05z":          at("2026-11-01T09:00:05Z"),
		"@2026-11-01T09:00+13:00":        at("2026-10-31T20:00:00Z"),
		"@2026-11-01T09:00:05.5-03:30":   at("2026-11-01T12:30:05.5Z"),
		"@2026-11-01T09:00:05.123456789": at("2026-11-01T09:00:05.123456789Z"),
	} {
		want.Text = text
		got, err := history.ParseSpec(text)
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func TestSpecErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "not a run: a run is missing; latest is the newest one",
		" latest":                     "begins with a blank\n     latest\n    ^",
		"latest ":                     "ends with a blank\n    latest \n          ^",
		"latest~":                     "a number is missing: latest~2 is two publications before the newest\n    latest~\n           ^",
		"latest~1x":                   "latest~1x\n            ^",
		"latest~-1":                   "latest~-1\n           ^",
		"latest~1~2":                  "latest~1~2\n            ^",
		"previous~1":                  "~ counts back from latest only: latest~2\n    previous~1\n            ^",
		"é~1":                         "\n    é~1\n     ^",
		"r0":                          "runs are numbered from 1 on\n    r0\n     ^",
		"tag:":                        "the tag's name is missing\n    tag:\n        ^",
		"@":                           "a time is missing or malformed",
		"@yesterday":                  "@yesterday\n     ^",
		"@2026-13-01":                 "@2026-13-01\n          ^",
		"@2026-02-30":                 "@2026-02-30\n               ^",
		"@2026-11-01T25:00":           "@2026-11-01T25:00\n                ^",
		"@2026-11-01T09":              "a time is missing or malformed",
		"a\nb":                        "a control character\n    a\uFFFDb\n     ^",
		"latest~99999999999999999999": "there are not that many publications",
		"r99999999999999999999":       "runs are numbered",
		"\xff":                        "not UTF-8",
	} {
		_, err := history.ParseSpec(text)
		var e *history.SpecError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got\n%v\nwant\n%s", text, err, want)
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{"latest~2", "r42", "@2026-11-01T09:00:00+01:00", "tag:x", "01900000-0000-7000-8000-000000000001", "é~\x00", "@2026-99-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := history.ParseSpec(text)
		if err != nil {
			if strings.Count(err.Error(), "\n") > 2 {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if s.Text != text || s.Back < 0 || s.Kind == history.SpecSeq && s.Seq < 1 || s.Kind == history.SpecTag && s.Name == "" {
			t.Errorf("%q: %+v", text, s)
		}
		if history.ValidTagName(text, nil) == nil && (s.Kind != history.SpecName || s.Name != text) {
			t.Errorf("%q is a tag, but is read as %+v", text, s)
		}
	})
}

func TestValidTagName(t *testing.T) {
	taken := func(s string) bool { return strings.EqualFold(s, "marts") }
	for name, want := range map[string]string{
		"baseline": "", "v1.0-rc": "", "2026-q3": "", "20261101": "", "2026-11-01": "", "Größe 1": "", `it's "odd"`: "", "a:b": "", "r42x": "", "facade": "", "latest2": "",
		"":       "it is empty",
		"latest": "reserved", "previous": "reserved", "LATEST": "reserved", "main": "reserved", "run": "reserved", "temp": "reserved",
		"information_schema": "reserved", "warehouse": "reserved",
		"run_x": "run_", "Run_7": "run_", "x__ref": "__ref",
		"@x": "@", "@2026-11-01": "@", "latest~1": "~", "x~1": "~",
		"r42": "number", "R42": "number", "r0": "runs are numbered",
		"01900000-0000-7000-8000-000000000001": "run id", "01900000000070008000000000000001": "run id", "01900000-0000-7000-8000-00000000000A": "run id",
		"tag:x": "tag", " x": "blank", "x ": "blank", "a\x00b": "control", "a\tb": "control", "\xff": "UTF-8",
		strings.Repeat("x", 101): "longer",
		"marts":                  "schema", "MARTS": "schema",
	} {
		err := history.ValidTagName(name, taken)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
}
