package runner

import (
	"encoding/json"
	"slices"
	"time"

	"warehouse/runner/artifact"
)

// Values as artifacts have them: lists and dicts are empty, not null, where
// there is nothing in them.

func texts(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func ids(s []string) []string { return slices.Clone(texts(s)) }

func nothing() map[string]json.RawMessage { return map[string]json.RawMessage{} }

// null is nil for "".
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func dictOf(v any) map[string]any {
	if d, ok := v.(map[string]any); ok {
		return d
	}
	return map[string]any{}
}

func textOf(v any) *string {
	s, _ := v.(string)
	return artifact.Text(s)
}

func listOf(v any) []any {
	switch v := v.(type) {
	case nil:
		return []any{}
	case []any:
		return v
	}
	return []any{v}
}

func limit(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

func uniqueKey(cols []string) any {
	switch len(cols) {
	case 0:
		return nil
	case 1:
		return cols[0]
	}
	return cols
}

// hooks are a list of {sql, transaction, index}.
func hooks(v any) []any {
	out := []any{}
	for _, h := range listOf(v) {
		hook := map[string]any{"sql": h, "transaction": true, "index": nil}
		if d, ok := h.(map[string]any); ok {
			hook["sql"] = d["sql"]
			if t, ok := d["transaction"].(bool); ok {
				hook["transaction"] = t
			}
		}
		if _, ok := hook["sql"].(string); ok {
			out = append(out, hook)
		}
	}
	return out
}

func docsOf(v any) artifact.Docs {
	d := dictOf(v)
	out := artifact.Docs{Show: true, NodeColor: textOf(d["node_color"])}
	if show, ok := d["show"].(bool); ok {
		out.Show = show
	}
	return out
}

// seconds since 1970.
func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
