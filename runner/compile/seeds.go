package compile

import (
	"fmt"
	"slices"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/project"
)

// seed makes a node of a CSV file. Nothing is rendered: its columns are known
// when the file is read.
func (c *compiler) seed(s *project.Seed) unit {
	n := &Node{
		Config: &project.ModelConfig{},
		ID:     "seed." + s.Package + "." + s.Name, Name: s.Name, Package: s.Package, Resource: Seed, File: s.File,
		Pos: diag.Pos{File: s.File}, FQN: s.FQN,
		Table: engine.Relation{Schema: c.project.Target.StorageSchema, Name: s.Name},
	}
	u := unit{r: &render{env: c.env, ctx: c.ctx, node: n, pkg: s.Package, layers: s.Layers, above: s.Over}, node: n}
	if y := s.YAML; y != nil {
		n.own = y.Config
		n.entry = y
		n.Description, n.Columns = u.describe(y.Description, y.Pos), u.describeColumns(y.Columns)
	}
	u.configure()
	n.Kind = Seed
	u.hooks()
	u.contract(nil)
	return u
}

// Built says whether a resource is stored by a build: a model, a seed or a
// snapshot.
func Built(resource string) bool {
	return resource == Model || resource == Seed || resource == Snapshot
}

// Built says whether the node is one that a build makes.
func (n *Node) Built() bool { return Built(n.Resource) }

// Setting returns a setting of the node's config, to say where it stands.
func (n *Node) Setting(key string) project.Setting { return n.config[key] }

// OwnSetting says whether a setting stands in the node's own entry or file, and
// not in the config of a folder.
func (n *Node) OwnSetting(key string) bool {
	return n.own != nil && n.own[key].Value != nil
}

// twoOf names two nodes that clash: "two models", "a seed and a model".
func twoOf(a, b *Node) string {
	if a.Resource == b.Resource {
		return "two " + a.Resource + "s"
	}
	both := []string{a.Resource, b.Resource}
	slices.Sort(both)
	return fmt.Sprintf("a %s and a %s", both[0], both[1])
}
