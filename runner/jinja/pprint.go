package jinja

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// pretty is Python's pprint of width 80.
type pretty struct {
	rt    *render
	b     strings.Builder
	depth int
}

const prettyWidth = 80

// write prints v at column indent; allowance is what closes behind it.
func (p *pretty) write(v Value, indent, allowance int) error {
	if p.depth++; p.depth > maxNesting {
		return raise(limitError, "the values are nested too deep to be printed")
	}
	defer func() { p.depth-- }()
	text, err := p.rt.repr(sortedKeys(v, 0))
	if err != nil {
		return err
	}
	if utf8.RuneCountInString(text) <= prettyWidth-indent-allowance {
		p.b.WriteString(text)
		return nil
	}
	switch x := v.(type) {
	case *List:
		return p.items("[", x.Items, "]", indent, allowance)
	case Tuple:
		if len(x) == 1 {
			return p.items("(", x, ",)", indent, allowance)
		}
		return p.items("(", x, ")", indent, allowance)
	case *Set:
		items := x.Items()
		if sorted, err := sortBy(items, items, false); err == nil {
			items = sorted
		}
		return p.items("{", items, "}", indent, allowance)
	case *Dict:
		return p.dict(x, indent, allowance)
	case string:
		return p.text(x, indent, allowance)
	}
	p.b.WriteString(text)
	return nil
}

func (p *pretty) items(open string, items []Value, end string, indent, allowance int) error {
	p.b.WriteString(open)
	for i, v := range items {
		after := 1
		if i == len(items)-1 {
			after = allowance + len(end)
		}
		if i > 0 {
			p.b.WriteString(",\n" + strings.Repeat(" ", indent+1))
		}
		if err := p.write(v, indent+1, after); err != nil {
			return err
		}
	}
	p.b.WriteString(end)
	return nil
}

func (p *pretty) dict(d *Dict, indent, allowance int) error {
	d = sortedKeys(d, maxNesting-1).(*Dict)
	p.b.WriteByte('{')
	for i, it := range d.items {
		if i > 0 {
			p.b.WriteString(",\n" + strings.Repeat(" ", indent+1))
		}
		key, err := p.rt.repr(it.Key)
		if err != nil {
			return err
		}
		p.b.WriteString(key + ": ")
		after := 1
		if i == len(d.items)-1 {
			after = allowance + 1
		}
		if err := p.write(it.Value, indent+1+utf8.RuneCountInString(key)+2, after); err != nil {
			return err
		}
	}
	p.b.WriteByte('}')
	return nil
}

// text breaks a long text at white space into adjacent literals.
func (p *pretty) text(s string, indent, allowance int) error {
	outer := p.depth == 1
	if outer {
		indent++
		allowance++
	}
	var chunks []string
	lines := splitLines(s, true)
	for i, line := range lines {
		width := prettyWidth - indent
		if i == len(lines)-1 {
			width -= allowance
		}
		if utf8.RuneCountInString(Repr(line)) <= width {
			chunks = append(chunks, Repr(line))
			continue
		}
		current := ""
		parts := wordsWithSpace(line)
		for j, part := range parts {
			limit := prettyWidth - indent
			if j == len(parts)-1 && i == len(lines)-1 {
				limit -= allowance
			}
			if utf8.RuneCountInString(Repr(current+part)) > limit {
				if current != "" {
					chunks = append(chunks, Repr(current))
				}
				current = part
			} else {
				current += part
			}
		}
		if current != "" {
			chunks = append(chunks, Repr(current))
		}
	}
	if len(chunks) == 1 {
		p.b.WriteString(chunks[0])
		return nil
	}
	if outer {
		p.b.WriteByte('(')
	}
	p.b.WriteString(strings.Join(chunks, "\n"+strings.Repeat(" ", indent)))
	if outer {
		p.b.WriteByte(')')
	}
	return nil
}

// wordsWithSpace cuts a line into words that keep the white space behind them.
func wordsWithSpace(s string) []string {
	var out []string
	for s != "" {
		i := strings.IndexFunc(s, isSpace)
		end := len(s)
		if i >= 0 {
			end = spaceEnd(s, i)
		}
		out = append(out, s[:end])
		s = s[end:]
	}
	return out
}

// prettyLess orders keys, also those that can not be compared: by their types.
func prettyLess(a, b Value) bool {
	less, err := ordered(tLt, a, b)
	if err != nil {
		return typeName(a) < typeName(b)
	}
	return less
}

// sortedKeys returns v with the keys of its dicts sorted.
func sortedKeys(v Value, depth int) Value {
	if depth > 100 && depth != maxNesting-1 {
		return v
	}
	switch x := v.(type) {
	case *Dict:
		keys := x.Keys()
		items := make([]Value, len(keys))
		for i := range items {
			items[i] = Tuple{keys[i], x.items[i].Value}
		}
		sorted := items
		sort.SliceStable(sorted, func(i, j int) bool { return prettyLess(sorted[i].(Tuple)[0], sorted[j].(Tuple)[0]) })
		d := NewDict()
		for _, it := range sorted {
			pair := it.(Tuple)
			if d.Set(pair[0], sortedKeys(pair[1], depth+1)) != nil {
				return v
			}
		}
		return d
	case *List:
		items := make([]Value, len(x.Items))
		for i, item := range x.Items {
			items[i] = sortedKeys(item, depth+1)
		}
		return &List{items}
	case Tuple:
		items := make(Tuple, len(x))
		for i, item := range x {
			items[i] = sortedKeys(item, depth+1)
		}
		return items
	}
	return v
}
