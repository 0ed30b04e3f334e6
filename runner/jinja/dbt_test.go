package jinja

import (
	"errors"
	"fmt"
	"io/fs"
	"sort"
	"strings"
)

// fakeDBT is as much of dbt's context as the cases use.
type fakeDBT struct {
	MapScope
	packages map[string]fakePackage // in the order project, others, dbt
	results  map[string]Value
	files    map[string]string
}

// Lookup finds values, then macros of the project, of packages by name, and of dbt.
func (d *fakeDBT) Lookup(name string) (Value, bool) {
	if v, ok := d.MapScope[name]; ok {
		return v, true
	}
	if m, ok := d.macro("proj", name); ok {
		return m, true
	}
	if p, ok := d.packages[name]; ok {
		return p, true
	}
	return d.macro("dbt", name)
}

func (d *fakeDBT) macro(pkg, name string) (Value, bool) {
	m, ok := d.packages[pkg][name]
	if !ok {
		return nil, false
	}
	return m, true
}

func (d *fakeDBT) Names() []string {
	var out []string
	for k := range d.MapScope {
		out = append(out, k)
	}
	for k := range d.packages["proj"] {
		out = append(out, k)
	}
	return out
}

func (d *fakeDBT) load(name string) (*Template, error) {
	src, ok := d.files[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return Parse(name, src)
}

type fakePackage map[string]*Macro

func (p fakePackage) Attr(name string) (Value, bool) {
	m, ok := p[name]
	if !ok {
		return nil, false
	}
	return m, true
}
func (p fakePackage) TypeName() string { return "MacroNamespace" }
func (p fakePackage) String() string   { return "<MacroNamespace>" }

// fakeObject is an object with fixed attributes.
type fakeObject struct {
	kind, text string
	attrs      map[string]Value
}

func (o *fakeObject) Attr(name string) (Value, bool) { v, ok := o.attrs[name]; return v, ok }
func (o *fakeObject) TypeName() string               { return o.kind }
func (o *fakeObject) String() string                 { return o.text }

func fakeRelation(db, schema, name string, parts ...string) *fakeObject {
	for _, p := range []string{db, schema, name} {
		if p != "" {
			parts = append(parts, `"`+p+`"`)
		}
	}
	o := &fakeObject{kind: "Relation", text: strings.Join(parts, ".")}
	o.attrs = map[string]Value{"database": db, "schema": schema, "identifier": name, "name": name, "table": name}
	o.attrs["include"] = Func{"include", func(c *Call) (Value, error) {
		a, err := c.Bind("database=true", "schema=true", "identifier=true")
		if err != nil {
			return nil, err
		}
		keep := func(i int, s string) string {
			if Truth(a[i]) {
				return s
			}
			return ""
		}
		return fakeRelation(keep(0, db), keep(1, schema), keep(2, name)), nil
	}}
	return o
}

func newFakeDBT(values map[string]any, macros map[string]string, files map[string]string) (*fakeDBT, error) {
	d := &fakeDBT{MapScope: MapScope{}, packages: map[string]fakePackage{}, results: map[string]Value{}, files: files}
	for k, v := range values {
		d.MapScope[k] = FromGo(v)
	}
	paths := make([]string, 0, len(macros))
	for p := range macros {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	for _, p := range paths {
		t, err := Parse(p, macros[p])
		if err != nil {
			return nil, err
		}
		pkg, _, _ := strings.Cut(p, "/")
		if d.packages[pkg] == nil {
			d.packages[pkg] = fakePackage{}
		}
		for _, m := range t.Macros() {
			d.packages[pkg][m.Name] = m
		}
	}
	d.functions()
	d.objects()
	return d, nil
}

func (d *fakeDBT) functions() {
	fn := func(name string, params []string, f func(c *Call, a []Value) (Value, error)) {
		d.MapScope[name] = fakeFunc(name, params, f)
	}
	fn("ref", []string{"a", "b=", "v="}, func(_ *Call, a []Value) (Value, error) {
		if a[1] != nil {
			return fakeRelation("db", Str(a[0]), Str(a[1])), nil
		}
		return fakeRelation("db", "sch", Str(a[0])), nil
	})
	fn("source", []string{"a", "b"}, func(_ *Call, a []Value) (Value, error) {
		return fakeRelation("db", Str(a[0]), Str(a[1])), nil
	})
	vars := map[string]Value{"start": "2020-01-01", "flag": "true"}
	fn("var", []string{"name", "default="}, func(_ *Call, a []Value) (Value, error) {
		if v, ok := vars[Str(a[0])]; ok {
			return v, nil
		}
		return a[1], nil
	})
	fn("config", []string{"*", "**"}, func(*Call, []Value) (Value, error) { return "", nil })
	fn("log", []string{"msg", "info=false"}, func(*Call, []Value) (Value, error) { return "", nil })
	fn("is_incremental", nil, func(*Call, []Value) (Value, error) { return false, nil })
	fn("return", []string{"data"}, func(_ *Call, a []Value) (Value, error) { return nil, ReturnValue{a[0]} })
	fn("kwecho", []string{"x"}, func(_ *Call, a []Value) (Value, error) { return "E" + Str(a[0]), nil })
	fn("noop_writer", []string{"caller"}, func(c *Call, a []Value) (Value, error) {
		v, err := c.CallValue(a[0], nil, nil)
		return "W(" + Str(v) + ")", err
	})
	fn("statement", []string{"name=", "fetch_result=false", "caller="}, func(c *Call, a []Value) (Value, error) {
		if _, err := c.CallValue(a[2], nil, nil); err != nil {
			return nil, err
		}
		d.results[Str(a[0])] = FromGo(map[string]any{"data": []any{[]any{1}}})
		return "", nil
	})
	fn("load_result", []string{"name"}, func(_ *Call, a []Value) (Value, error) { return d.results[Str(a[0])], nil })
	fn("run_query", []string{"sql"}, func(*Call, []Value) (Value, error) {
		values := fakeFunc("values", nil, func(*Call, []Value) (Value, error) { return Tuple{int64(1), int64(2)}, nil })
		column := &fakeObject{kind: "Column", attrs: map[string]Value{"values": values}}
		return &fakeObject{kind: "Table", attrs: map[string]Value{"columns": &List{[]Value{column}}}}, nil
	})
	for name, v := range Functions() {
		d.MapScope[name] = v
	}
	d.MapScope["env_var"] = fakeFunc("env_var", []string{"name"}, func(_ *Call, a []Value) (Value, error) { return Secret{Str(a[0])}, nil })
}

func fakeFunc(name string, params []string, f func(c *Call, a []Value) (Value, error)) Func {
	return Func{name, func(c *Call) (Value, error) {
		a, err := c.Bind(params...)
		if err != nil {
			return nil, err
		}
		return f(c, a)
	}}
}

func (d *fakeDBT) objects() {
	raise := fakeFunc("raise_compiler_error", []string{"msg"}, func(_ *Call, a []Value) (Value, error) {
		return nil, errors.New(Str(a[0]))
	})
	d.MapScope["exceptions"] = &fakeObject{kind: "exceptions", attrs: map[string]Value{"raise_compiler_error": raise}}
	d.MapScope["this"] = fakeRelation("db", "sch", "me")
	d.MapScope["target"] = FromGo(map[string]any{"name": "dev", "schema": "sch", "type": "duckdb"})
	d.MapScope["execute"] = true
	d.MapScope["modules"] = Modules()
	columns := fakeFunc("get_columns_in_relation", []string{"r"}, func(*Call, []Value) (Value, error) {
		return FromGo([]any{map[string]any{"name": "id", "dtype": "int"}, map[string]any{"name": "nm", "dtype": "text"}}), nil
	})
	dispatch := fakeFunc("dispatch", []string{"name", "macro_namespace="}, func(c *Call, a []Value) (Value, error) {
		for _, prefix := range []string{"duckdb__", "default__"} {
			for _, pkg := range []string{"proj", "dbt_utils", "dbt"} {
				if m, ok := d.macro(pkg, prefix+Str(a[0])); ok {
					return m, nil
				}
			}
		}
		return nil, fmt.Errorf("no macro %s", Str(a[0]))
	})
	d.MapScope["adapter"] = &fakeObject{kind: "Adapter", attrs: map[string]Value{"dispatch": dispatch, "get_columns_in_relation": columns}}
	get := fakeFunc("get", []string{"name", "default="}, func(c *Call, a []Value) (Value, error) {
		if v, ok := c.Lookup(Str(a[0])); ok {
			return v, nil
		}
		return a[1], nil
	})
	d.MapScope["context"] = fakeContext{&fakeObject{kind: "Context", attrs: map[string]Value{"get": get}}, d}
}

// fakeContext is dbt's name context: every global by name.
type fakeContext struct {
	*fakeObject
	d *fakeDBT
}

func (c fakeContext) Index(key Value) (Value, bool, error) {
	v, ok := c.d.Lookup(Str(key))
	return v, ok, nil
}
