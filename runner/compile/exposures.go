package compile

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// Exposure is what reads the project's models outside of it: a dashboard, an
// application. Nothing is built of it; selection knows it.
type Exposure struct {
	ID, Name, Package string
	File              string // YAML file
	FQN               []string
	Tags              []string
	Parents           []string // ids that it depends on, sorted
	Config            map[string]any
	entry             *project.Entry
}

// exposures reads the entries of exposures that are enabled, and finds what
// they depend on.
func (c *compiler) exposures() {
	for _, e := range c.project.Entries["exposure"] {
		raw, _ := Plain(e.Raw).(map[string]any)
		config := maps.Clone(asDict(raw["config"]))
		if config == nil {
			config = map[string]any{}
		}
		if raw["enabled"] == false || config["enabled"] == false {
			continue
		}
		x := &Exposure{ID: "exposure." + e.Package + "." + e.Name, Name: e.Name, Package: e.Package, File: e.Pos.File, FQN: entryFQN(c.project, e), Config: config, entry: e}
		for _, from := range []any{config["tags"], raw["tags"]} {
			x.Tags = append(x.Tags, textsOf(from)...)
		}
		depends, _ := raw["depends_on"].([]any)
		for _, d := range depends {
			parent, err := c.exposed(fmt.Sprint(d), e.Package)
			if err != nil {
				c.errs.Add(&diag.Error{Pos: e.Pos, Msg: fmt.Sprintf("exposure %s depends on %v: %s", e.Name, d, err)})
				continue
			}
			if parent != nil && !slices.Contains(x.Parents, parent.ID) {
				x.Parents = append(x.Parents, parent.ID)
			}
		}
		slices.Sort(x.Parents)
		c.uses = append(c.uses, x)
	}
	slices.SortFunc(c.uses, func(a, b *Exposure) int { return strings.Compare(a.ID, b.ID) })
}

// dependency is ref('m'), ref('package', 'm'), source('s', 't') or metric('m').
var dependency = regexp.MustCompile(`^\s*(ref|source|metric)\(\s*['"]([^'"]+)['"]\s*(?:,\s*['"]([^'"]+)['"]\s*)?(?:,\s*(?:v|version)\s*=\s*['"]?([^'")]+?)['"]?\s*)?\)\s*$`)

// exposed is the node that an entry of depends_on names; nil for a metric.
func (c *compiler) exposed(text, pkg string) (*Node, error) {
	m := dependency.FindStringSubmatch(strings.Trim(text, "{} "))
	switch {
	case m == nil:
		return nil, errors.New("write ref('model') or source('source', 'table')")
	case m[1] == "metric":
		return nil, nil
	case m[1] == "source":
		return c.names.lookup(call{source: true, pkg: m[2], name: m[3]}, pkg)
	case m[3] != "":
		return c.names.lookup(call{pkg: m[2], name: m[3], version: m[4]}, pkg)
	}
	return c.names.lookup(call{name: m[2], version: m[4]}, pkg)
}

// entryFQN is the package, the folders of the YAML file, what more there is, and
// the name of what the file describes.
func entryFQN(p *project.Project, e *project.Entry, more ...string) []string {
	return append(append(folderFQN(p, e.Package, e.Pos.File), more...), e.Name)
}

// folderFQN is the package and the folders of a file below its model path.
func folderFQN(p *project.Project, pkg, file string) []string {
	if of := p.Package(pkg); of != nil {
		file = strings.TrimPrefix(file, of.Dir+"/")
	}
	if _, below, ok := strings.Cut(file, "/"); ok {
		file = below
	}
	fqn := []string{pkg}
	if dir := path.Dir(file); dir != "." {
		fqn = append(fqn, strings.Split(dir, "/")...)
	}
	return fqn
}

func asDict(v any) map[string]any {
	d, _ := v.(map[string]any)
	return d
}

// textsOf is a text, or a list of texts.
func textsOf(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		out := make([]string, len(v))
		for i, x := range v {
			out[i] = jinja.Str(jinja.FromGo(x))
		}
		return out
	}
	return nil
}
