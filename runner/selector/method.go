package selector

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// method says how one method reads its value. Its match is nil if the Matcher
// is asked.
type method struct {
	match    func(c *Criterion, n *Node) bool
	takesArg bool
	values   []string // all there are, if they are few
	parts    int      // of a value, joined by dots; 0 for any number
}

// methods are all methods there are. Nothing changes this table.
var methods = map[string]method{
	"fqn":            {match: matchFQN},
	"tag":            {match: func(c *Criterion, n *Node) bool { return slices.ContainsFunc(n.Tags, c.glob) }},
	"path":           {match: matchPath},
	"file":           {match: matchFile},
	"package":        {match: func(c *Criterion, n *Node) bool { return c.glob(n.Package) }},
	"source":         {match: matchSource, parts: 3},
	"config":         {match: matchConfig, takesArg: true},
	"test_type":      {match: matchTestType, values: []string{"generic", "singular", "data", "unit", "schema"}},
	"test_name":      {match: matchTestName},
	"resource_type":  {match: func(c *Criterion, n *Node) bool { return n.ResourceType == c.Value }, values: resourceTypes},
	"group":          {match: func(c *Criterion, n *Node) bool { return n.Group != "" && n.parsed() && c.glob(n.Group) }},
	"access":         {match: func(c *Criterion, n *Node) bool { return n.ResourceType == "model" && n.Access == c.Value }, values: []string{"private", "protected", "public"}},
	"version":        {match: matchVersion, values: []string{"latest", "prerelease", "old", "none"}},
	"unit_test":      {match: matchNamed, parts: 2},
	"exposure":       {match: matchNamed, parts: 2},
	"metric":         {match: matchNamed, parts: 2},
	"semantic_model": {match: matchNamed, parts: 2},
	"saved_query":    {match: matchNamed, parts: 2},
	"selector":       {match: func(*Criterion, *Node) bool { return false }}, // select.go looks at named
	"state":          {},
	"result":         {},
	"source_status":  {},
}

var resourceTypes = []string{"model", "seed", "snapshot", "test", "unit_test", "source", "analysis", "exposure", "operation",
	"sql_operation", "metric", "semantic_model", "saved_query", "function", "group", "macro", "doc", "fixture"}

// matched returns the nodes that the criterion's method matches.
func (ev *evaluation) matched(c Criterion) (set, error) {
	ids := set{}
	for _, sub := range c.named {
		f, err := sub.eval(&evaluation{g: ev.g, nodes: ev.nodes, byID: ev.byID, m: ev.m})
		if err != nil {
			return nil, err
		}
		add(ids, f.ids)
	}
	m, ok := methods[c.Method]
	switch {
	case !ok:
		return nil, c.fail(fmt.Sprintf("unknown method %q", c.Method), nil)
	case m.match == nil && ev.m == nil:
		return nil, c.fail(fmt.Sprintf("%s: needs a run to compare with, and there is none here", c.Method), nil)
	case c.Method == "selector" && c.named == nil:
		return nil, c.fail("selector: needs a name that was looked up by Parse", nil)
	case m.values != nil && !slices.Contains(m.values, c.Value):
		return nil, c.fail(fmt.Sprintf("%s: has no value %q; it knows %s", c.Method, c.Value, strings.Join(m.values, ", ")), nil)
	}
	for _, n := range ev.nodes {
		var is bool
		var err error
		if m.match != nil {
			is = m.match(&c, n)
		} else if is, err = ev.m.Match(c.Method, c.Arg, c.Value, n); err != nil {
			return nil, c.fail(err.Error(), err)
		}
		if is {
			ids[n.ID] = true
		}
	}
	return ids, nil
}

func (c Criterion) fail(msg string, cause error) error {
	if c.query == "" {
		return &SyntaxError{Query: c.String(), Msg: msg, Err: cause}
	}
	return &SyntaxError{Query: c.query, Off: c.off, Msg: msg, Err: cause}
}

func (c *Criterion) glob(s string) bool { return Glob(c.Value, s) }

// parsed reports whether dbt makes the node of a file of its own or of a test
// entry: what has a full config.
func (n *Node) parsed() bool {
	switch n.ResourceType {
	case "source", "exposure", "metric", "unit_test", "semantic_model", "saved_query", "function":
		return false
	}
	return true
}

func matchFQN(c *Criterion, n *Node) bool {
	if n.ResourceType == "source" || len(n.FQN) == 0 {
		return false
	}
	versioned := n.Version != "" && len(n.FQN) > 1
	if matchParts(c.Value, n.FQN, versioned) {
		return true
	}
	rest := n.FQN[1:] // without the package
	return len(rest) > 0 && matchParts(c.Value, rest, versioned && len(rest) > 1)
}

// matchParts compares a value with folders and name. A part without a
// wildcard must be equal to the part at its place; from the first one with a
// wildcard on, the rest of the value is matched with all the rest.
func matchParts(value string, fqn []string, versioned bool) bool {
	name := fqn[len(fqn)-1]
	parts := strings.Split(value, ".")
	if versioned {
		name = fqn[len(fqn)-2]
		// orders.v2 and orders_v2 are both the version 2 of orders.
		if strings.Join(fqn[len(fqn)-2:], "_") == strings.Join(parts[max(0, len(parts)-2):], "_") {
			return true
		}
	}
	if name == value {
		return true
	}
	flat := strings.Split(strings.Join(fqn, "."), ".") // a dot in a name divides it, too
	if len(flat) < len(parts) {
		return false
	}
	for i, part := range parts {
		if wild(part) {
			// A pattern without dots may also mean the name, however deep it is.
			return Glob(strings.Join(parts[i:], "."), strings.Join(flat[i:], ".")) || (len(parts) == 1 && Glob(value, name))
		}
		if flat[i] != part {
			return false
		}
	}
	return true
}

func matchPath(c *Criterion, n *Node) bool {
	pattern := strings.Split(path.Clean(strings.ReplaceAll(c.Value, `\`, "/")), "/")
	return inFolder(pattern, n.Path) || (n.Patch != "" && matchSegments(pattern, strings.Split(n.Patch, "/")))
}

// inFolder reports whether the pattern matches the file or a folder it is in.
func inFolder(pattern []string, file string) bool {
	segments := strings.Split(file, "/")
	for i := range len(segments) {
		if matchSegments(pattern, segments[:i+1]) {
			return true
		}
	}
	return slices.Equal(pattern, []string{"."})
}

// matchSegments is Glob folder by folder; ** is any number of folders.
func matchSegments(pattern, segments []string) bool {
	for i, p := range pattern {
		if p == "**" {
			for skip := i; skip <= len(segments); skip++ {
				if matchSegments(pattern[i+1:], segments[skip:]) {
					return true
				}
			}
			return false
		}
		if i >= len(segments) || !Glob(p, segments[i]) {
			return false
		}
	}
	return len(pattern) == len(segments)
}

func matchFile(c *Criterion, n *Node) bool {
	name := path.Base(n.Path)
	return n.Path != "" && (c.glob(name) || c.glob(strings.TrimSuffix(name, path.Ext(name))))
}

func matchSource(c *Criterion, n *Node) bool {
	parts := strings.Split(c.Value, ".")
	switch len(parts) {
	case 1:
		parts = []string{"*", parts[0], "*"}
	case 2:
		parts = []string{"*", parts[0], parts[1]}
	}
	return len(parts) == 3 && n.ResourceType == "source" &&
		Glob(parts[0], n.Package) && Glob(parts[1], n.SourceName) && Glob(parts[2], n.Name)
}

// matchNamed is for the methods that are named after a resource type.
func matchNamed(c *Criterion, n *Node) bool {
	pkg, name, ok := strings.Cut(c.Value, ".")
	if !ok {
		pkg, name = "*", c.Value
	}
	return n.ResourceType == c.Method && Glob(pkg, n.Package) && Glob(name, n.Name)
}

func matchConfig(c *Criterion, n *Node) bool {
	if !n.parsed() && n.ResourceType != "source" || n.Config == nil {
		return false
	}
	var v any = n.Config()
	for _, key := range strings.Split(c.Arg, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return false
		}
		if v, ok = m[key]; !ok {
			return false
		}
	}
	equal := func(v any) bool {
		switch v := v.(type) {
		case string:
			return v == c.Value || (c.Arg == "severity" && strings.EqualFold(v, c.Value))
		case bool:
			return strings.EqualFold(c.Value, strconv.FormatBool(v))
		case nil, map[string]any:
			return false
		}
		return fmt.Sprint(v) == c.Value // numbers; dbt finds none
	}
	switch list := v.(type) {
	case []any:
		return slices.ContainsFunc(list, equal)
	case []string:
		return slices.Contains(list, c.Value)
	}
	return equal(v)
}

func matchTestType(c *Criterion, n *Node) bool {
	switch c.Value {
	case "unit":
		return n.ResourceType == "unit_test"
	case "data":
		return n.ResourceType == "test"
	case "schema": // dbt's older word
		return n.ResourceType == "test" && n.TestType == "generic"
	}
	return n.ResourceType == "test" && n.TestType == c.Value
}

func matchTestName(c *Criterion, n *Node) bool {
	switch n.ResourceType {
	case "test":
		return n.TestName != "" && c.glob(n.TestName)
	case "unit_test":
		return c.glob(n.Name)
	}
	return false
}

func matchVersion(c *Criterion, n *Node) bool {
	if n.ResourceType != "model" {
		return false
	}
	if n.Version == "" || c.Value == "none" {
		return n.Version == "" && c.Value == "none"
	}
	switch c.Value {
	case "latest":
		return n.Version == n.LatestVersion
	case "prerelease":
		return n.LatestVersion != "" && versionLess(n.LatestVersion, n.Version)
	}
	return n.LatestVersion != "" && versionLess(n.Version, n.LatestVersion)
}

// versionLess compares numbers as numbers, anything else as text.
func versionLess(a, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX == nil && errY == nil {
		return x < y
	}
	return a < b
}

// written returns the text of a criterion that was made as a value.
func written(c Criterion) string {
	var b strings.Builder
	plus := func(on bool, before bool, depth int) {
		switch {
		case !on:
		case depth == 0:
			b.WriteString("+")
		case before:
			fmt.Fprintf(&b, "%d+", depth)
		default:
			fmt.Fprintf(&b, "+%d", depth)
		}
	}
	if c.ChildrensParents {
		b.WriteString("@")
	}
	plus(c.Parents, true, c.ParentsDepth)
	b.WriteString(c.Method)
	if c.Arg != "" {
		b.WriteString("." + c.Arg)
	}
	b.WriteString(":" + c.Value)
	plus(c.Children, false, c.ChildrenDepth)
	return b.String()
}
