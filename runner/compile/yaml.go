package compile

import (
	"fmt"
	"regexp"
	"time"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// fromYAML reads one YAML document.
func fromYAML(text string) (jinja.Value, error) {
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		return nil, err
	}
	return yamlValue(&n, 0)
}

func yamlValue(n *yaml.Node, depth int) (jinja.Value, error) {
	if depth > 100 {
		return nil, fmt.Errorf("the YAML is nested too deep")
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 0 {
			return nil, nil
		}
		return yamlValue(n.Content[0], depth+1)
	case yaml.AliasNode:
		return yamlValue(n.Alias, depth+1)
	case yaml.SequenceNode:
		l := &jinja.List{}
		for _, c := range n.Content {
			v, err := yamlValue(c, depth+1)
			if err != nil {
				return nil, err
			}
			l.Items = append(l.Items, v)
		}
		return l, nil
	case yaml.MappingNode:
		d := jinja.NewDict()
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, err := yamlValue(n.Content[i], depth+1)
			if err != nil {
				return nil, err
			}
			v, err := yamlValue(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			if err := d.Set(k, v); err != nil {
				return nil, err
			}
		}
		return d, nil
	case 0:
		return nil, nil
	}
	return yamlScalar(n)
}

// yamlScalar reads a scalar as PyYAML does: yes is true, 017 is octal, a day a
// date.
func yamlScalar(n *yaml.Node) (jinja.Value, error) {
	if n.Style != 0 || n.ShortTag() == "!!timestamp" || n.ShortTag() == "!!merge" {
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, err
		}
		t, ok := v.(time.Time)
		switch {
		case !ok:
			return jinja.FromGo(v), nil
		case len(n.Value) <= len(time.DateOnly):
			return jinja.Date(t), nil
		case !yamlZone.MatchString(n.Value):
			return jinja.NaiveDatetime(t), nil
		}
		return jinja.FromGo(t), nil
	}
	return project.PlainScalar(n.Value)
}

var yamlZone = regexp.MustCompile(`(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?)$`)
