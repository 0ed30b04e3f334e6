package binding

import (
	"regexp"
	"strings"
	"sync"

	"warehouse/runner/engine"
	"warehouse/runner/sqltext"
)

// Where an engine cannot hold views outside the target (engine.MemoryBinder), a
// binding is held here: what ref() prints, "run__ref"."m", is replaced by a
// subquery just before a statement is sent. So a running build makes no schema
// and no view, leaves nothing behind, and compiled SQL is the same in every run.
//
// A name is replaced where a view could stand:
//
//	FROM "run__ref"."m"            FROM (SELECT …) AS "m"
//	FROM "run__ref"."m" AS a       FROM (SELECT …) AS a
//	WHERE "run__ref"."m".k = 1     WHERE "m".k = 1

// Inline is a binding that is held in memory. It is safe for concurrent use.
type Inline struct {
	mu sync.RWMutex
	of map[string]string // SELECT by lower-cased schema and name
}

// Memorize makes a database's memory bindings work: nothing where the engine
// has a place for them.
func Memorize(db *engine.DB) {
	d := db.Dialect()
	if isMemory(d) {
		return
	}
	db.SetMemory(&Inline{of: map[string]string{}})
}

func isMemory(d engine.Dialect) bool {
	_, ok := d.(engine.MemoryBinder)
	return ok
}

func ofMemory(schema string) bool {
	return schema == Schema || schema == RefSchema || schema == ThisSchema
}

// inline takes a view of a memory binding, where those are held here.
func inline(c *engine.Conn, v View) bool {
	in, ok := c.DB().Memory().(*Inline)
	if !ok || !ofMemory(v.Schema) {
		return false
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.of[fold(v.Schema, v.Name)] = v.Body
	return true
}

// find returns the SELECT of a name that ref() or `this` prints, and what
// follows it.
func (in *Inline) find(parts []string) (body string, rest []string, ok bool) {
	if len(parts) < 2 {
		return "", nil, false
	}
	in.mu.RLock()
	defer in.mu.RUnlock()
	body, ok = in.of[fold(parts[0], parts[1])]
	return body, parts[2:], ok
}

// edit is a place of the old text and what stands there in the new one.
type edit struct{ start, end, at, to int }

// Rewrite puts subqueries in the place of names.
func (in *Inline) Rewrite(sql string) (string, func(int) int) {
	if !strings.Contains(sql, Schema) {
		return sql, func(n int) int { return n }
	}
	var b strings.Builder
	var edits []edit
	at := 0
	for _, n := range sqltext.Names(sql) {
		body, rest, ok := in.find(n.Parts)
		if !ok {
			continue
		}
		b.WriteString(sql[at:n.Start])
		e := edit{start: n.Start, end: n.End, at: b.Len()}
		if len(rest) > 0 || sqltext.Next(sql, n.End) == "." {
			b.WriteString(join(engine.Ident(n.Parts[1]), rest))
		} else {
			inner, _ := in.Rewrite(body)
			b.WriteString("(\n" + inner + "\n)")
			if !aliased(sql, n.End) {
				b.WriteString(" AS " + engine.Ident(n.Parts[1]))
			}
		}
		e.to = b.Len()
		edits = append(edits, e)
		at = n.End
	}
	b.WriteString(sql[at:])
	return b.String(), func(off int) int { return placeOf(edits, off) }
}

// placeOf turns an offset in the new text into one of the old: in a subquery,
// that of the name that it stands for.
func placeOf(edits []edit, off int) int {
	shift := 0
	for _, e := range edits {
		switch {
		case off < e.at:
			return off - shift
		case off < e.to:
			return e.start
		}
		shift = e.to - e.end
	}
	return off - shift
}

// notAlias finds the words that can follow a table's name and are no alias of
// it: reserved words, and those that begin a clause.
var notAlias = regexp.MustCompile(`(?i)^(ON|USING|WHERE|GROUP|ORDER|HAVING|LIMIT|OFFSET|FETCH|WINDOW|UNION|INTERSECT|EXCEPT|` +
	`JOIN|INNER|LEFT|RIGHT|FULL|CROSS|NATURAL|TABLESAMPLE|MATCH_RECOGNIZE|FOR|WHEN|THEN|ELSE|END|AND|OR|NOT|IN|IS|` +
	`LIKE|BETWEEN|CASE|SELECT|FROM|WITH|VALUES|EXISTS)$`)

// aliased says whether an alias follows a table's name that ends at end.
func aliased(sql string, end int) bool {
	next := sqltext.Next(sql, end)
	switch {
	case next == "":
		return false
	case strings.HasPrefix(next, `"`):
		return true
	}
	c := next[0]
	word := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
	return word && !notAlias.MatchString(next) // AS is one, too
}
