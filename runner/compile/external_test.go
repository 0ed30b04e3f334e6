package compile

import (
	"strings"
	"testing"

	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// What dbt-duckdb's relation.py makes of external_location.
func TestExternalSource(t *testing.T) {
	for _, c := range []struct {
		location, formatter, want string
	}{
		{"data/{name}.parquet", "", "'data/t.parquet'"},
		{"data/{schema}/{identifier}/*.json", "", "'data/raw/tt/*.json'"},
		{"s3://{bucket}/{name}", "newstyle", "'s3://b/t'"},
		{"read_csv('{name}.csv', delim = ';')", "", "read_csv('t.csv', delim = ';')"},
		{"'{name}.csv'", "", "'t.csv'"},
		{"it's.csv", "", "'it''s.csv'"},
		{"read_csv('x', columns = {'a': 'int'})", "", "read_csv('x', columns = {'a': 'int'})"},
		{"read_json('{name}', columns = {{'a': 'int'}})", "", "read_json('t', columns = {'a': 'int'})"},
		{"data/%(name)s.csv", "oldstyle", "'data/t.csv'"},
		{"data/$name-${identifier}$$.csv", "template", "'data/t-tt$.csv'"},
		{"data/{nmae}.csv", "", "error: external_location names {nmae}; there is bucket, database, identifier, name, schema"},
		{"x", "other", `error: unknown formatter "other"`},
		{"", "", ""},
	} {
		s := &project.Source{SourceName: "raw", Name: "t", Identifier: "tt", Schema: "raw", Meta: map[string]any{"bucket": "b"}, Config: project.Config{
			"external_location": {Value: jinja.Value(c.location)}, "formatter": {Value: c.formatter}}}
		got, err := externalSource(s)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != c.want && !(strings.HasPrefix(c.want, "error: ") && strings.HasPrefix(got, c.want)) {
			t.Errorf("%s\n got %s\nwant %s", c.location, got, c.want)
		}
	}
	s := &project.Source{SourceName: "raw", Name: "t", Meta: map[string]any{"plugin": "gsheet"}}
	if _, err := externalSource(s); err == nil || !strings.Contains(err.Error(), "plugins are not supported") {
		t.Errorf("%v", err)
	}
}
