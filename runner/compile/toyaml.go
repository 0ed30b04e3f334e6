package compile

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"warehouse/runner/jinja"
)

// toYAML writes v as Python's yaml.safe_dump does: block style, two blanks,
// lists not indented under their key, lines that are broken at a blank behind
// column 80, letters outside of ASCII as escapes.
func toYAML(v jinja.Value, sorted bool) (string, error) {
	w := yamlWriter{sorted: sorted, indent: -1, whitespace: true, indention: true}
	if err := w.node(v, inRoot, 0); err != nil {
		return "", err
	}
	w.newIndent(-1)
	if w.openEnded {
		w.b.WriteString("...\n")
	}
	return w.b.String(), nil
}

const yamlWidth = 80 // where a line is broken at the next blank

// yamlWriter is PyYAML's emitter, as far as block style needs it.
type yamlWriter struct {
	b          strings.Builder
	sorted     bool
	column     int
	indent     int  // of the collection that is open; -1: none is
	whitespace bool // what was written last is white space
	indention  bool // the line holds nothing but indention
	openEnded  bool // a plain text is the whole document
}

// where a node stands.
type yamlPlace int

const (
	inRoot yamlPlace = iota
	inList
	inMapping
	inKey
)

func (w *yamlWriter) write(s string) {
	w.b.WriteString(s)
	w.column += len([]rune(s))
}

// indicator writes a mark, behind a blank where one is needed.
func (w *yamlWriter) indicator(s string, needsBlank, indention bool) {
	if !w.whitespace && needsBlank {
		s = " " + s
	}
	w.whitespace, w.indention, w.openEnded = false, w.indention && indention, false
	w.write(s)
}

func (w *yamlWriter) lineBreak() {
	w.b.WriteByte('\n')
	w.whitespace, w.indention, w.column = true, true, 0
}

// newIndent goes to the column of an indent, on a new line where it must.
func (w *yamlWriter) newIndent(indent int) {
	indent = max(indent, 0)
	if !w.indention || w.column > indent || w.column == indent && !w.whitespace {
		w.lineBreak()
	}
	if w.column < indent {
		w.whitespace = true
		w.write(strings.Repeat(" ", indent-w.column))
	}
}

// node writes a value; depth bounds those that hold themselves.
func (w *yamlWriter) node(v jinja.Value, place yamlPlace, depth int) error {
	if depth > 100 {
		return fmt.Errorf("the value is nested too deep")
	}
	switch v := v.(type) {
	case *jinja.List:
		return w.list(v.Items, place, depth)
	case jinja.Tuple:
		return w.list(v, place, depth)
	case *jinja.Dict:
		return w.mapping(v, place, depth)
	}
	s, plain, err := yamlScalarText(v)
	if err != nil {
		return err
	}
	// What follows a break in a scalar is indented by one more.
	indent := w.indent + 2
	if w.indent < 0 {
		indent = 2
	}
	w.scalar(s, plain, place, indent)
	return nil
}

func (w *yamlWriter) list(items []jinja.Value, place yamlPlace, depth int) error {
	if len(items) == 0 {
		w.indicator("[", true, false)
		w.indicator("]", false, false)
		return nil
	}
	outer := w.indent
	switch {
	case w.indent < 0:
		w.indent = 0
	case place != inMapping || w.indention:
		w.indent += 2
	}
	for _, it := range items {
		w.newIndent(w.indent)
		w.indicator("-", true, true)
		if err := w.node(it, inList, depth+1); err != nil {
			return err
		}
	}
	w.indent = outer
	return nil
}

func (w *yamlWriter) mapping(d *jinja.Dict, place yamlPlace, depth int) error {
	items := slices.Clone(d.Items())
	if len(items) == 0 {
		w.indicator("{", true, false)
		w.indicator("}", false, false)
		return nil
	}
	if w.sorted {
		slices.SortStableFunc(items, func(x, y jinja.Item) int { return strings.Compare(jinja.Str(x.Key), jinja.Str(y.Key)) })
	}
	outer := w.indent
	if w.indent < 0 {
		w.indent = 0
	} else {
		w.indent += 2
	}
	for _, it := range items {
		w.newIndent(w.indent)
		key, _, err := yamlScalarText(it.Key)
		if err != nil {
			return err
		}
		if key != "" && len([]rune(key)) < 128 && !strings.ContainsAny(key, "\n\u0085\u2028\u2029") {
			if err := w.node(it.Key, inKey, depth+1); err != nil {
				return err
			}
			w.indicator(":", false, false)
		} else {
			w.indicator("?", true, true)
			if err := w.node(it.Key, inMapping, depth+1); err != nil {
				return err
			}
			w.newIndent(w.indent)
			w.indicator(":", true, true)
		}
		if err := w.node(it.Value, inMapping, depth+1); err != nil {
			return err
		}
	}
	w.indent = outer
	return nil
}

// yamlScalarText is a value's text, and whether it may stand without quotes: a text
// that reads as something else may not.
func yamlScalarText(v jinja.Value) (s string, plain bool, err error) {
	switch v := v.(type) {
	case nil:
		return "null", true, nil
	case bool:
		if v {
			return "true", true, nil
		}
		return "false", true, nil
	case int64, *big.Int:
		return jinja.Str(v), true, nil
	case float64:
		switch {
		case math.IsNaN(v):
			return ".nan", true, nil
		case math.IsInf(v, 0):
			return strings.TrimSuffix(jinja.Str(v), "inf") + ".inf", true, nil
		}
		s = jinja.Str(v)
		if !strings.Contains(s, ".") {
			s = strings.Replace(s, "e", ".0e", 1)
		}
		return s, true, nil
	case string:
		return v, !yamlReadsOtherwise.MatchString(v), nil
	case jinja.Markup:
		return string(v), !yamlReadsOtherwise.MatchString(string(v)), nil
	case interface{ TypeName() string }:
		if kind := v.TypeName(); kind == "date" || kind == "datetime" {
			return jinja.Str(v), true, nil
		}
	}
	return "", false, fmt.Errorf("%s has no form in YAML", jinja.Repr(v))
}

// yamlReadsOtherwise are the plain texts that YAML 1.1 does not read as texts.
var yamlReadsOtherwise = regexp.MustCompile(`^(?:` + strings.Join([]string{
	`|~|null|Null|NULL`,
	`yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF`,
	`[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?`,
	`[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)`,
	`[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+`,
	`<<|=|[!&*]`,
	`[0-9]{4}-[0-9]{2}-[0-9]{2}`,
	`[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?`,
}, "|") + `)$`)

// yamlText is what PyYAML finds out about a text before it is written.
type yamlText struct{ plain, single bool }

const (
	yamlBreaks = "\n\u0085\u2028\u2029"
	yamlBlanks = "\x00 \t\r" + yamlBreaks
)

func yamlAnalyse(s string) yamlText {
	text := []rune(s)
	in := func(i int, set string) bool { return i >= len(text) || strings.ContainsRune(set, text[i]) }
	var marks, breaks, special, edges, breakBlank, blankBreak bool
	marks = strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...")
	for i, c := range text {
		before, after := i == 0 || in(i-1, yamlBlanks), in(i+1, yamlBlanks)
		switch {
		case i == 0 && strings.ContainsRune("#,[]{}&*!|>'\"%@`", c), i == 0 && strings.ContainsRune("?-", c) && after, c == ':' && after, i > 0 && c == '#' && before:
			marks = true
		}
		isBreak := strings.ContainsRune(yamlBreaks, c)
		breaks = breaks || isBreak
		special = special || c != '\n' && (c < ' ' || c > '~')
		edges = edges || (c == ' ' || isBreak) && (i == 0 || i == len(text)-1)
		if i > 0 {
			breakBlank = breakBlank || c == ' ' && in(i-1, yamlBreaks)
			blankBreak = blankBreak || isBreak && text[i-1] == ' '
		}
	}
	return yamlText{plain: !edges && !breakBlank && !blankBreak && !special && !breaks && !marks, single: !breakBlank && !blankBreak && !special}
}

// scalar writes a text in the plainest style that it allows.
func (w *yamlWriter) scalar(s string, plain bool, place yamlPlace, indent int) {
	how := yamlAnalyse(s)
	split := place != inKey
	switch {
	case plain && how.plain && s != "":
		if place == inRoot {
			defer func() { w.openEnded = true }()
		}
		if !w.whitespace {
			w.write(" ")
		}
		w.words(s, split, false, indent)
	case how.single && (split || !strings.ContainsAny(s, yamlBreaks)):
		w.indicator("'", true, false)
		w.words(s, split, true, indent)
		w.indicator("'", false, false)
	default:
		w.doubleQuoted([]rune(s), split, indent)
	}
	w.whitespace, w.indention = false, false
}

// words writes a text, which is broken at single blanks behind the width. In
// quotes a line break is a blank line, and a quote is doubled.
func (w *yamlWriter) words(s string, split, quoted bool, indent int) {
	w.whitespace, w.indention = false, false
	text := []rune(s)
	for start := 0; start < len(text); {
		end := start
		kind := func(i int) int {
			switch {
			case text[i] == ' ':
				return 1
			case strings.ContainsRune(yamlBreaks, text[i]):
				return 2
			}
			return 0
		}
		for end < len(text) && kind(end) == kind(start) {
			end++
		}
		part := string(text[start:end])
		switch kind(start) {
		case 1:
			if end == start+1 && w.column > yamlWidth && split && (!quoted || start != 0 && end != len(text)) {
				w.newIndent(indent)
				w.whitespace, w.indention = false, false
			} else {
				w.write(part)
			}
		case 2:
			if text[start] == '\n' {
				w.lineBreak()
			}
			for _, c := range part {
				w.lineBreak()
				if c != '\n' {
					panic("special characters are in double quotes")
				}
			}
			w.newIndent(indent)
		default:
			if quoted {
				part = strings.ReplaceAll(part, "'", "''")
			}
			w.write(part)
			w.whitespace, w.indention = false, false
		}
		start = end
	}
}

var yamlEscapes = map[rune]string{0: "0", 7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 27: "e", '"': `"`, '\\': `\`,
	0x85: "N", 0xa0: "_", 0x2028: "L", 0x2029: "P"}

func (w *yamlWriter) doubleQuoted(text []rune, split bool, indent int) {
	w.indicator(`"`, true, false)
	start := 0
	for end := 0; end <= len(text); end++ {
		last := end == len(text)
		if last || text[end] == '"' || text[end] == '\\' || text[end] < ' ' || text[end] > '~' {
			if start < end {
				w.write(string(text[start:end]))
				start = end
			}
			if !last {
				switch c := text[end]; {
				case yamlEscapes[c] != "":
					w.write(`\` + yamlEscapes[c])
				case c <= 0xff:
					w.write(fmt.Sprintf(`\x%02X`, c))
				case c <= 0xffff:
					w.write(fmt.Sprintf(`\u%04X`, c))
				default:
					w.write(fmt.Sprintf(`\U%08X`, c))
				}
				start = end + 1
			}
		}
		if 0 < end && end < len(text)-1 && (text[end] == ' ' || start >= end) && w.column+end-start > yamlWidth && split {
			if start < end {
				w.write(string(text[start:end]))
				start = end
			}
			w.write(`\`)
			w.newIndent(indent)
			w.whitespace, w.indention = false, false
			if text[start] == ' ' {
				w.write(`\`)
			}
		}
	}
	w.indicator(`"`, false, false)
}
