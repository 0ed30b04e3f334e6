package project

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"warehouse/runner/jinja"
)

// What is read of a project, as text.
func TestLoad(t *testing.T) {
	goldens(t, "load", func(t *testing.T, a *txtar.Archive) string {
		dir := unpack(t, a)
		p, err := Load(t.Context(), Options{Dir: dir, LookupEnv: env, Vars: map[string]any{"from_cli": true}})
		if err != nil {
			return report(err, nil, dir)
		}
		return strings.ReplaceAll(dump(p)+report(nil, p.Warnings, ""), filepath.ToSlash(dir), "$DIR")
	})
}

type dumper struct{ strings.Builder }

func (d *dumper) f(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

func dump(p *Project) string {
	d := &dumper{}
	d.f("project %s %s", p.Name, p.Version)
	for _, k := range slices.Sorted(maps.Keys(p.Vars)) {
		d.f("var %s = %s %s", k, jinja.Repr(p.Vars[k]), p.VarPos[k])
	}
	t := p.Target
	d.f("target %s %s %s dsn=%s catalog=%s schema=%s storage=%s latest=%s threads=%d allow=%v settings=%v", t.Name, t.Type, t.Path, t.DSN, t.Catalog, t.Schema,
		t.StorageSchema, t.LatestSchema, t.Threads, t.Allow, t.Settings)
	if len(p.Secrets) > 0 {
		d.f("secrets %v", p.Secrets)
	}
	if p.Retention != nil {
		d.f("retention %+v", *p.Retention)
	}
	for _, m := range p.Models {
		d.f("model %s %s %v", m.Name, m.File, m.FQN)
		d.layers(m.Layers)
		d.entry(m.YAML)
	}
	for _, s := range p.Seeds {
		d.f("seed %s %s %v", s.Name, s.File, s.FQN)
		d.layers(s.Layers)
		d.entry(s.YAML)
	}
	for _, s := range p.Sources {
		d.f("source %s.%s %s schema=%s identifier=%s enabled=%v tags=%v meta=%v freshness=%v %v", s.SourceName, s.Name, s.Pos, s.Schema, s.Identifier, s.Enabled, s.Tags,
			s.Meta, s.Freshness != nil, s.FQN)
		d.tests(s.Tests)
		d.columns(s.Columns)
	}
	for _, s := range p.Tests {
		d.f("test %s %s %v %s", s.Name, s.File, s.FQN, s.Description)
		d.layers(s.Layers)
	}
	for _, m := range p.Macros {
		d.f("macros %s", m.File)
		for _, x := range m.Template.Macros() {
			d.f("  %s", x.Name)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(p.Entries)) {
		for _, e := range p.Entries[k] {
			if k != "model" && k != "seed" {
				d.f("entry %s %s %s %s", k, e.Name, e.Pos, jinja.Repr(e.Raw))
			}
		}
	}
	for _, b := range p.Docs {
		d.f("docs %s %s", b.Name, b.Pos)
	}
	return d.String()
}

func (d *dumper) config(prefix string, c Config) {
	for _, k := range sortedKeys(c) {
		d.f("%s%s = %s  (%s)", prefix, k, jinja.Repr(c[k].Value), c[k].Pos)
	}
}

func (d *dumper) layers(layers []Config) {
	for _, l := range layers {
		d.f("  layer")
		d.config("    ", l)
	}
}

func (d *dumper) entry(e *Entry) {
	if e == nil {
		return
	}
	d.f("  entry %s %q", e.Pos, e.Description)
	d.tests(e.Tests)
	d.columns(e.Columns)
	if e.Raw.Len() > 0 {
		d.f("  raw %s", jinja.Repr(e.Raw))
	}
}

func (d *dumper) columns(cs []Column) {
	for _, c := range cs {
		d.f("  column %q %q type=%s quote=%v tags=%v meta=%v constraints=%d %s", c.Name, c.Description, c.DataType, c.Quote, c.Tags, c.Meta, len(c.Constraints), c.Pos)
		d.tests(c.Tests)
	}
}

func (d *dumper) tests(ts []*DataTest) {
	for _, t := range ts {
		d.f("    data test %s.%s %q column=%q quote=%v args=%s %s", t.Package, t.Test, t.Name, t.Column, t.Quote, jinja.Repr(t.Args), t.Pos)
		for _, k := range slices.Sorted(maps.Keys(t.ArgPos)) {
			d.f("      argument %s %s", k, t.ArgPos[k])
		}
		d.config("      ", Merge(t.Layers...))
	}
}
