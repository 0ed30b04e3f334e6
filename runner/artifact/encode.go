package artifact

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// encoder writes the JSON that Marshal writes. It knows the nodes of a manifest,
// of which there are tens of thousands, and what is in them; all else it leaves
// to encoding/json.
type encoder struct {
	b    []byte
	last byte       // what was written before b; 0: nothing
	keys [][]string // for maps inside of maps, to be used again
	err  error      // the first
}

func (e *encoder) node(n *Node) {
	e.open()
	e.text("database", n.Database)
	e.text("schema", n.Schema)
	e.text("name", n.Name)
	e.text("resource_type", n.ResourceType)
	e.text("package_name", n.PackageName)
	e.text("path", n.Path)
	e.text("original_file_path", n.OriginalFilePath)
	e.text("unique_id", n.UniqueID)
	e.texts("fqn", n.FQN)
	e.text("alias", n.Alias)
	e.name("checksum")
	e.open()
	e.text("name", n.Checksum.Name)
	e.text("checksum", n.Checksum.Checksum)
	e.close()
	e.any("config", n.Config)
	e.texts("tags", n.Tags)
	e.text("description", n.Description)
	e.columns(n.Columns)
	e.any("meta", n.Meta)
	e.any("group", n.Group)
	e.any("docs", n.Docs)
	e.any("patch_path", n.PatchPath)
	e.any("build_path", n.BuildPath)
	e.any("unrendered_config", n.UnrenderedConfig)
	e.any("created_at", n.CreatedAt)
	e.any("relation_name", n.RelationName)
	e.text("raw_code", n.RawCode)
	if n.DocBlocks != nil {
		e.texts("doc_blocks", n.DocBlocks)
	}
	maybe(e, "root_path", n.RootPath)
	e.nodeOfSQL(n)
	e.nodeOfKind(n)
	e.close()
}

// nodeOfSQL writes what all nodes but seeds have.
func (e *encoder) nodeOfSQL(n *Node) {
	if n.Language != "" {
		e.text("language", n.Language)
	}
	if n.Refs != nil {
		e.name("refs")
		list(e, n.Refs, func(r *Ref) {
			e.text("name", r.Name)
			e.any("package", r.Package)
			e.any("version", r.Version)
		})
	}
	if n.Sources != nil {
		e.any("sources", n.Sources)
	}
	if n.Metrics != nil {
		e.any("metrics", n.Metrics)
	}
	if len(n.Functions) > 0 {
		e.any("functions", n.Functions)
	}
	e.name("depends_on")
	e.open()
	e.texts("macros", n.DependsOn.Macros)
	if n.DependsOn.Nodes != nil {
		e.texts("nodes", n.DependsOn.Nodes)
	}
	e.close()
	maybe(e, "compiled_path", n.CompiledPath)
	maybe(e, "compiled", n.Compiled)
	maybe(e, "compiled_code", n.CompiledCode)
	maybe(e, "extra_ctes_injected", n.ExtraCTEsInjected)
	if n.ExtraCTEs != nil {
		e.any("extra_ctes", n.ExtraCTEs)
	}
	if c := n.Contract; c != nil {
		e.name("contract")
		e.open()
		e.any("enforced", c.Enforced)
		e.any("alias_types", c.AliasTypes)
		e.any("checksum", c.Checksum)
		e.close()
	}
}

// nodeOfKind writes what models have, and what data tests have.
func (e *encoder) nodeOfKind(n *Node) {
	maybe(e, "access", n.Access)
	if n.Constraints != nil {
		e.name("constraints")
		list(e, n.Constraints, func(c *ModelLevelConstraint) {
			e.constraint(&c.ColumnLevelConstraint)
			e.texts("columns", c.Columns)
		})
	}
	if n.Version != nil {
		e.any("version", n.Version)
	}
	if n.LatestVersion != nil {
		e.any("latest_version", n.LatestVersion)
	}
	maybe(e, "deprecation_date", n.DeprecationDate)
	if n.PrimaryKey != nil {
		e.texts("primary_key", n.PrimaryKey)
	}
	if len(n.TimeSpine) > 0 {
		e.any("time_spine", n.TimeSpine)
	}
	if len(n.DeferRelation) > 0 {
		e.any("defer_relation", n.DeferRelation)
	}
	maybe(e, "column_name", n.ColumnName)
	maybe(e, "file_key_name", n.FileKeyName)
	maybe(e, "attached_node", n.AttachedNode)
	if t := n.TestMetadata; t != nil {
		e.name("test_metadata")
		e.open()
		e.text("name", t.Name)
		e.any("kwargs", t.Kwargs)
		e.any("namespace", t.Namespace)
		e.close()
	}
}

func (e *encoder) columns(columns map[string]*ColumnInfo) {
	e.name("columns")
	object(e, columns, func(c *ColumnInfo) {
		if c == nil {
			e.null()
			return
		}
		e.open()
		e.text("name", c.Name)
		e.text("description", c.Description)
		e.any("meta", c.Meta)
		e.any("data_type", c.DataType)
		e.name("constraints")
		list(e, c.Constraints, e.constraint)
		e.any("quote", c.Quote)
		if len(c.Config) > 0 {
			e.any("config", c.Config)
		}
		e.texts("tags", c.Tags)
		e.any("granularity", c.Granularity)
		if c.DocBlocks != nil {
			e.texts("doc_blocks", c.DocBlocks)
		}
		e.close()
	})
}

func (e *encoder) constraint(c *ColumnLevelConstraint) {
	e.text("type", c.Type)
	e.any("name", c.Name)
	e.any("expression", c.Expression)
	e.any("warn_unenforced", c.WarnUnenforced)
	e.any("warn_unsupported", c.WarnUnsupported)
	e.any("to", c.To)
	e.texts("to_columns", c.ToColumns)
}

func (e *encoder) open()  { e.b = append(e.b, '{') }
func (e *encoder) close() { e.b = append(e.b, '}') }
func (e *encoder) null()  { e.b = append(e.b, "null"...) }

// next writes the comma before all but the first value of a list or an object.
func (e *encoder) next() {
	last := e.last
	if n := len(e.b); n > 0 {
		last = e.b[n-1]
	}
	if last != 0 && last != '{' && last != '[' {
		e.b = append(e.b, ',')
	}
}

// name begins a field; name needs no escapes.
func (e *encoder) name(name string) {
	e.next()
	e.b = append(append(append(e.b, '"'), name...), '"', ':')
}

func (e *encoder) text(name, s string) {
	e.name(name)
	e.b = appendText(e.b, s)
}

func (e *encoder) texts(name string, s []string) {
	e.name(name)
	e.textList(s)
}

func (e *encoder) textList(s []string) {
	if s == nil {
		e.null()
		return
	}
	e.b = append(e.b, '[')
	for _, x := range s {
		e.next()
		e.b = appendText(e.b, x)
	}
	e.b = append(e.b, ']')
}

func (e *encoder) any(name string, v any) {
	e.name(name)
	e.value(v)
}

// maybe writes a field that is left out where there is no value.
func maybe[T any](e *encoder, name string, v *T) {
	if v != nil {
		e.any(name, *v)
	}
}

// list writes a list of objects, of which fields writes the inside.
func list[T any](e *encoder, items []T, fields func(*T)) {
	if items == nil {
		e.null()
		return
	}
	e.b = append(e.b, '[')
	for i := range items {
		e.next()
		e.open()
		fields(&items[i])
		e.close()
	}
	e.b = append(e.b, ']')
}

// object writes a map in the order of its keys.
func object[T any](e *encoder, m map[string]T, value func(T)) {
	if m == nil {
		e.null()
		return
	}
	var keys []string
	if n := len(e.keys); n > 0 {
		keys, e.keys = e.keys[n-1][:0], e.keys[:n-1]
	}
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	e.open()
	for _, k := range keys {
		e.next()
		e.b = append(appendText(e.b, k), ':')
		value(m[k])
	}
	e.close()
	e.keys = append(e.keys, keys)
}

func (e *encoder) value(v any) {
	switch v := v.(type) {
	case nil:
		e.null()
	case string:
		e.b = appendText(e.b, v)
	case *string:
		if v == nil {
			e.null()
			return
		}
		e.b = appendText(e.b, *v)
	case bool:
		e.b = strconv.AppendBool(e.b, v)
	case *bool:
		if v == nil {
			e.null()
			return
		}
		e.b = strconv.AppendBool(e.b, *v)
	case int:
		e.b = strconv.AppendInt(e.b, int64(v), 10)
	case int64:
		e.b = strconv.AppendInt(e.b, v, 10)
	case float64:
		e.number(v)
	case []string:
		e.textList(v)
	case [][]string:
		e.textLists(v)
	case []any:
		e.values(v)
	case map[string]any:
		object(e, v, e.value)
	case Docs:
		e.open()
		e.any("show", v.Show)
		e.any("node_color", v.NodeColor)
		e.close()
	default:
		e.other(v)
	}
}

func (e *encoder) values(v []any) {
	if v == nil {
		e.null()
		return
	}
	e.b = append(e.b, '[')
	for _, x := range v {
		e.next()
		e.value(x)
	}
	e.b = append(e.b, ']')
}

func (e *encoder) textLists(v [][]string) {
	if v == nil {
		e.null()
		return
	}
	e.b = append(e.b, '[')
	for _, x := range v {
		e.next()
		e.textList(x)
	}
	e.b = append(e.b, ']')
}

func (e *encoder) number(f float64) {
	if abs := math.Abs(f); abs == 0 || abs >= 1e-6 && abs < 1e21 {
		e.b = strconv.AppendFloat(e.b, f, 'f', -1, 64)
		return
	}
	e.other(f)
}

func (e *encoder) other(v any) {
	data, err := Marshal(v)
	if err != nil {
		if e.err == nil {
			e.err = err
		}
		e.null()
		return
	}
	e.b = append(e.b, bytes.TrimSuffix(data, []byte("\n"))...)
}

// appendText writes a text as encoding/json does without escapes for HTML.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return appendEscaped(b, s, i)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// appendEscaped is appendText of a text that is plain up to byte i.
func appendEscaped(b []byte, s string, i int) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i < len(s) {
		c, size := rune(s[i]), 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRuneInString(s[i:])
		}
		bad := c == utf8.RuneError && size == 1
		if c >= ' ' && c != '"' && c != '\\' && c != '\u2028' && c != '\u2029' && !bad {
			i += size
			continue
		}
		b = append(b, s[from:i]...)
		switch {
		case bad:
			b = append(b, `\ufffd`...)
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\t':
			b = append(b, '\\', 't')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\b':
			b = append(b, '\\', 'b')
		case c == '\f':
			b = append(b, '\\', 'f')
		default:
			b = append(b, '\\', 'u', hex[c>>12], hex[c>>8&15], hex[c>>4&15], hex[c&15])
		}
		i += size
		from = i
	}
	return append(append(b, s[from:]...), '"')
}
