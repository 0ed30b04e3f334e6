package compile

import (
	"regexp"
	"slices"
	"strings"

	"warehouse/runner/jinja"
)

var notInNames = regexp.MustCompile(`[^0-9a-zA-Z_]+`)

// testName is the name that dbt gives a generic data test: the test, what it is
// attached to, and its arguments in the order of their names. dbt cuts names of
// more than 63 characters; we keep them whole.
func testName(generic, target string, args *jinja.Dict) string {
	items := args.Items()
	slices.SortFunc(items, func(a, b jinja.Item) int { return strings.Compare(jinja.Str(a.Key), jinja.Str(b.Key)) })
	var flat []string
	for _, it := range items {
		var parts []jinja.Value
		switch v := it.Value.(type) {
		case *jinja.List:
			parts = v.Items
		case *jinja.Dict:
			for _, e := range v.Items() {
				parts = append(parts, e.Value)
			}
		default:
			parts = []jinja.Value{v}
		}
		for _, p := range parts {
			flat = append(flat, notInNames.ReplaceAllString(jinja.Str(p), "_"))
		}
	}
	return generic + "_" + target + "_" + strings.Join(flat, "__")
}
