package compile

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// externalSource is what a source that is kept in files prints: dbt-duckdb's
// external_location, of config or meta, with {name}, {identifier} and the like
// filled in; "" if the source is a table.
func externalSource(s *project.Source) (string, error) {
	find := func(key string) string {
		for _, from := range []func(string) (any, bool){
			func(k string) (any, bool) { v, ok := s.Config[k]; return v.Value, ok },
			func(k string) (any, bool) { v, ok := s.Meta[k]; return v, ok },
			func(k string) (any, bool) { v, ok := s.External[k]; return v, ok },
		} {
			if v, ok := from(key); ok && v != nil {
				return jinja.Str(jinja.FromGo(v))
			}
		}
		return ""
	}
	if plugin := find("plugin"); plugin != "" {
		return "", fmt.Errorf("plugin %q: dbt-duckdb's plugins are not supported; load the data before, or read its files by external_location", plugin)
	}
	location := find("external_location")
	if location == "" {
		location = find("location")
	}
	if location == "" {
		return "", nil
	}
	location, err := fillIn(location, find("formatter"), s)
	if err != nil {
		return "", err
	}
	if strings.Contains(location, "(") || strings.HasPrefix(location, "'") {
		return location, nil // a call such as read_csv('…'), or quoted already
	}
	return engine.Literal(location), nil
}

// What the formatters of dbt-duckdb, which are Python's, put values in place of.
var placeholders = map[string]*regexp.Regexp{
	"newstyle": regexp.MustCompile(`\{\{|\}\}|\{(\w+)\}`),
	"oldstyle": regexp.MustCompile(`%%|%\((\w+)\)s`),
	"template": regexp.MustCompile(`\$\$|\$\{(\w+)\}|\$(\w+)`),
}

// fillIn puts the source's own values into the text of its location.
func fillIn(text, formatter string, s *project.Source) (string, error) {
	if formatter == "" {
		formatter = "newstyle"
	}
	re := placeholders[formatter]
	if re == nil {
		return "", fmt.Errorf("unknown formatter %q; there are newstyle, oldstyle and template", formatter)
	}
	values := map[string]string{"name": s.Name, "identifier": s.Identifier, "schema": s.Schema, "database": s.Database}
	for k, v := range s.Meta {
		values[k] = jinja.Str(jinja.FromGo(v))
	}
	for k, v := range s.Config {
		if k != "meta" && k != "tags" {
			values[k] = jinja.Str(v.Value)
		}
	}
	var errs []error
	out := re.ReplaceAllStringFunc(text, func(m string) string {
		if m == "{{" || m == "}}" || m == "%%" || m == "$$" {
			return m[:1]
		}
		name := ""
		for _, group := range re.FindStringSubmatch(m)[1:] {
			name += group
		}
		v, ok := values[name]
		if !ok {
			known := []string{"name", "identifier", "schema", "database"}
			for k := range s.Meta {
				known = append(known, k)
			}
			slices.Sort(known)
			errs = append(errs, fmt.Errorf("external_location names %s; there is %s", m, strings.Join(known, ", ")))
		}
		return v
	})
	return out, errors.Join(errs...)
}
