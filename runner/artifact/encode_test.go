package artifact

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// fill sets every field below v that can be set: texts, lists, maps, pointers;
// n makes the values differ.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text \"%d\"", *n))
	case reflect.Bool:
		v.SetBool(*n%2 == 0)
	case reflect.Int:
		v.SetInt(int64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) / 8)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			v.SetBytes([]byte(`{"raw":1}`))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 3 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key, n)
			fill(value, n)
			v.SetMapIndex(key, value)
		}
	case reflect.Interface:
		if one := anything[*n%len(anything)]; one != nil {
			v.Set(reflect.ValueOf(one))
		}
	}
}

var (
	word     = "a word"
	yes      = true
	anything = []any{nil, "", "text", true, 7, int64(-1 << 62), 0.1, math.Copysign(0, -1), 1e-7, 1e21, 123456789.25, math.MaxFloat64, []any{}, []any(nil), []any{1, []any{"x", nil}}, map[string]any{},
		map[string]any(nil), map[string]any{"b": 1, "a": map[string]any{"z": nil, "": "x"}}, []string(nil), []string{"x", "y"}, [][]string{nil, {"a"}}, [][]string(nil), &word, (*string)(nil),
		&yes, (*bool)(nil), Docs{Show: true, NodeColor: &word}, Docs{}, map[string]string{"k": "<&>"}, json.RawMessage(`[1]`), uint8(3),
		Owner{Email: "a@b.c", Extra: map[string]any{"x": 1}}}
)

// Whatever fields a node has, and has not, it is encoded as encoding/json does it.
func TestNodeAsEncodingJSON(t *testing.T) {
	n := 0
	var nodes []*Node
	for range 4 * len(anything) {
		full := &Node{}
		fill(reflect.ValueOf(full).Elem(), &n)
		nodes = append(nodes, full)
		n++
	}
	for i := range reflect.TypeFor[Node]().NumField() { // each field alone
		one := &Node{}
		fill(reflect.ValueOf(one).Elem().Field(i), &n)
		nodes = append(nodes, one)
		empty := &Node{}
		if f := reflect.ValueOf(empty).Elem().Field(i); f.Kind() == reflect.Slice {
			f.Set(reflect.MakeSlice(f.Type(), 0, 0))
		} else if f.Kind() == reflect.Map {
			f.Set(reflect.MakeMap(f.Type()))
		}
		nodes = append(nodes, empty)
	}
	nodes = append(nodes, &Node{Columns: map[string]*ColumnInfo{"none": nil, "empty": {}}})
	for _, node := range nodes {
		same(t, node, func(e *encoder) { e.node(node) })
	}
}

func same(t *testing.T, v any, encode func(e *encoder)) {
	t.Helper()
	want, err := Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	e := &encoder{}
	encode(e)
	if got := string(e.b) + "\n"; got != string(want) || e.err != nil {
		t.Fatalf("\n got %s\nwant %s\n err %v", got, want, e.err)
	}
}

func TestTextAsEncodingJSON(t *testing.T) {
	for c := range rune(0x3000) {
		same(t, string(c), func(e *encoder) { e.value(string(c)) })
		same(t, "ab"+string(c)+"\"\xffé", func(e *encoder) { e.value("ab" + string(c) + "\"\xffé") })
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\x00\xff\u2028\U0001F600<>&\\")
	f.Fuzz(func(t *testing.T, s string) { same(t, s, func(e *encoder) { e.value(s) }) })
}

func TestManifestInParts(t *testing.T) {
	dir := t.TempDir()
	for _, size := range []int{-1, 0, 1, 63, 64, 65, 700} {
		m, n := &Manifest{}, size
		fill(reflect.ValueOf(m).Elem(), &n)
		m.Nodes = nil
		if size >= 0 {
			m.Nodes = map[string]*Node{}
		}
		for i := range size {
			node := &Node{}
			fill(reflect.ValueOf(node).Elem(), &n)
			m.Nodes[fmt.Sprintf("model.%d", i)] = node
		}
		if size == 65 {
			m.Nodes["none"], m.Functions = nil, nil
		}
		file := filepath.Join(dir, "manifest.json")
		if err := WriteManifest(file, m); err != nil {
			t.Fatal(err)
		}
		want, err := Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != string(want) {
			t.Fatalf("%d nodes: %v\n got %.3000s\nwant %.3000s", size, err, got, want)
		}
	}
}

// What cannot be written leaves the file as it was.
func TestManifestThatFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "manifest.json")
	if err := os.WriteFile(file, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	err := WriteManifest(file, &Manifest{Nodes: map[string]*Node{"a": {}, "b": {Meta: map[string]any{"x": math.NaN()}}}})
	if err == nil || !strings.Contains(err.Error(), "manifest.json") || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("NaN: %v", err)
	}
	if text, err := os.ReadFile(file); string(text) != "old" {
		t.Errorf("%q %v", text, err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
		t.Errorf("%v %v", left, err)
	}
}

func TestManifestMasked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "manifest.json")
	m := &Manifest{ParentMap: map[string][]string{"hidden": {"hidden"}}}
	m.Metadata.DBTVersion = "hidden"
	nodes := Nodes{IDs: []string{"a"}, Of: func(string) *Node { return &Node{RawCode: "hidden"} }}
	if err := WriteManifestNodes(file, m, nodes, func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), "hidden", "***")) }); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(text), "hidden") || strings.Count(string(text), "***") != 4 || !json.Valid(text) {
		t.Errorf("%s %v", text, err)
	}
}
