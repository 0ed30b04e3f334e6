package runner

import (
	"fmt"
	"regexp"
	"strings"

	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/mart"
)

// around writes the whole statement. With the same columns on both sides it
// does not depend on them, where the engine can join rows by the names of their
// columns.
func (u union) around(r *compile.Rendered) *compile.Rendered {
	byName, can := u.dialect.(engine.NameJoiner)
	head, where, published := "WITH this_run AS (\n", "", u.this.String()
	if len(u.inc.Key) > 0 {
		if can {
			head = "WITH this_run AS " + byName.Materialized() + "(\n"
		}
		ofDest, ofBoth := u.predicates()
		if len(ofDest) > 0 {
			published = u.judged(published, ofDest)
			ofBoth = append([]string{`t."may be replaced"`}, ofBoth...)
		}
		where = u.unreplaced(can, ofBoth)
	}
	if u.inc.Batches != nil {
		if ofDest, _ := u.predicates(); len(ofDest) > 0 {
			published = u.judged(published, ofDest)
		}
		where = u.outside()
	}
	list, tail := u.listed()
	if can && !u.merges() {
		tail = "SELECT * FROM this_run\n" + byName.UnionByName() + "\nSELECT * FROM carried"
		if u.same() && len(u.inc.Predicates) == 0 {
			list = "*"
		}
	}
	return r.Around("-- the rows of this run, and those of the published run that they do not replace\n"+head,
		"\n)"+u.merged(published)+", carried AS (\n    SELECT "+list+" FROM "+published+" AS t"+where+"\n)\n"+tail)
}

// judged are the published rows, and whether the predicates let them be replaced.
func (u union) judged(published string, ofDest []string) string {
	return fmt.Sprintf("(SELECT *, coalesce(%s, false) AS \"may be replaced\" FROM %s AS %s)", strings.Join(ofDest, " AND "), published, u.destination())
}

// sameKey are the conditions under which the rows n, of this run, and t, a
// published one, have one key.
func (u union) sameKey() (equal, keys []string) {
	for _, k := range u.inc.Key {
		now, _ := u.find(k)
		was, ok := u.before(k)
		if !ok {
			was = mart.Column{Name: now.Name, Type: now.Type}
		}
		equal = append(equal, engine.SameKey(u.dialect, now.Type, "n."+engine.Ident(now.Name), u.value(was)))
		keys = append(keys, engine.Ident(now.Name))
	}
	return equal, keys
}

// unreplaced is the condition of the published rows that go on. Where an engine
// cannot plan a correlated EXISTS well, they are found by a LEFT JOIN.
func (u union) unreplaced(exists bool, more []string) string {
	equal, keys := u.sameKey()
	if exists {
		return "\n    WHERE NOT EXISTS (SELECT 1 FROM this_run AS n WHERE " + strings.Join(append(equal, more...), " AND ") + ")"
	}
	return fmt.Sprintf("\n    LEFT JOIN (SELECT DISTINCT %s, true AS \"is replaced\" FROM this_run) AS n ON %s\n    WHERE n.\"is replaced\" IS NULL",
		strings.Join(keys, ", "), strings.Join(append(equal, more...), " AND "))
}

// The names that dbt's adapters give to both sides in incremental_predicates.
var (
	destinationName = regexp.MustCompile(`(?i)\bDBT_(INTERNAL_DEST|INCREMENTAL_TARGET)\b`)
	sourceName      = regexp.MustCompile(`(?i)\bDBT_INTERNAL_SOURCE\b`)
)

// predicates are the conditions over published rows alone, whose columns need
// no qualifier, and those over both sides.
func (u union) predicates() (ofDest, ofBoth []string) {
	for _, p := range u.inc.Predicates {
		if sourceName.MatchString(p) {
			p = sourceName.ReplaceAllString(destinationName.ReplaceAllString(p, "t"), "n")
			ofBoth = append(ofBoth, "("+p+")")
		} else {
			ofDest = append(ofDest, "("+p+")")
		}
	}
	return ofDest, ofBoth
}

// destination is what the predicates call the published rows.
func (u union) destination() string {
	for _, p := range u.inc.Predicates {
		if name := destinationName.FindString(p); name != "" {
			return name
		}
	}
	return "DBT_INTERNAL_DEST"
}

// merges says whether a new row takes over values of the published row with its
// key.
func (u union) merges() bool {
	if !u.inc.Merge || len(u.inc.Update)+len(u.inc.Exclude) > 0 {
		return u.inc.Merge
	}
	for _, c := range u.carried() {
		if _, ok := u.find(c.name); !ok {
			return true
		}
	}
	return false
}

// checkMerged looks for the columns that the merge names in the SELECT, and for
// what the engine cannot do.
func (u union) checkMerged() error {
	for key, names := range map[string][]string{"merge_update_columns": u.inc.Update, "merge_exclude_columns": u.inc.Exclude} {
		for _, name := range names {
			if _, ok := u.find(name); ok {
				continue
			}
			var all []string
			for _, c := range u.now {
				all = append(all, c.Name)
			}
			e := u.fail("take it out of "+key, "the column %s of %s is not in the SELECT", name, key)
			if near := diag.Nearest(name, all); near != "" {
				e.Advice = fmt.Sprintf("did you mean %s?", near)
			}
			return e
		}
	}
	if _, ok := u.dialect.(engine.NameJoiner); ok {
		return nil
	}
	if _, ofBoth := u.predicates(); len(ofBoth) > 0 {
		return u.fail("write it over the published rows alone (DBT_INTERNAL_DEST)", "incremental_predicates that name DBT_INTERNAL_SOURCE are not supported on this engine")
	}
	return nil
}

// merged is the CTE of the new rows with what they take over, if they do.
func (u union) merged(published string) string {
	if !u.merges() {
		return ""
	}
	var cols []string
	for _, now := range u.now {
		expr := "n." + engine.Ident(now.Name)
		if was, ok := u.before(now.Name); !u.inc.Updates(now.Name) {
			old := fmt.Sprintf("CAST(NULL AS %s)", now.Type)
			if ok {
				old = u.value(was)
			}
			expr = fmt.Sprintf("CASE WHEN t.\"is there\" THEN %s ELSE %s END", old, expr)
		}
		cols = append(cols, expr+" AS "+engine.Ident(now.Name))
	}
	for _, c := range u.carried() {
		if _, ok := u.find(c.name); !ok {
			cols = append(cols, c.expr+" AS "+engine.Ident(c.name))
		}
	}
	equal, _ := u.sameKey()
	ofDest, ofBoth := u.predicates()
	if len(ofDest) > 0 {
		ofBoth = append(ofBoth, `t."may be replaced"`)
	}
	return fmt.Sprintf(", merged AS (\n    SELECT %s\n    FROM this_run AS n LEFT JOIN (SELECT *, true AS \"is there\" FROM %s AS p) AS t ON %s\n)",
		strings.Join(cols, ", "), published, strings.Join(append(equal, ofBoth...), " AND "))
}

// listed names the columns of the published rows, and writes the end of the
// statement with all columns of both sides by name, in one order.
func (u union) listed() (list, tail string) {
	carried, from := u.carried(), "this_run"
	if u.merges() {
		from = "merged"
	}
	var cols, now, old []string
	has := map[string]bool{}
	for _, c := range carried {
		cols = append(cols, c.expr+" AS "+engine.Ident(c.name))
		has[strings.ToLower(c.name)] = true
	}
	if len(cols) == 0 {
		first := u.now[0]
		cols = []string{fmt.Sprintf("CAST(NULL AS %s) AS %s", first.Type, engine.Ident(first.Name))}
	}
	for _, c := range u.now {
		now = append(now, engine.Ident(c.Name))
		if has[strings.ToLower(c.Name)] {
			old = append(old, engine.Ident(c.Name))
		} else {
			old = append(old, fmt.Sprintf("CAST(NULL AS %s) AS %s", c.Type, engine.Ident(c.Name)))
		}
	}
	for _, c := range carried {
		if _, ok := u.find(c.name); ok {
			continue
		}
		if old = append(old, engine.Ident(c.name)); from == "merged" {
			now = append(now, engine.Ident(c.name))
		} else {
			now = append(now, fmt.Sprintf("CAST(NULL AS %s) AS %s", c.typ, engine.Ident(c.name)))
		}
	}
	return strings.Join(cols, ", "), fmt.Sprintf("SELECT %s FROM %s\nUNION ALL\nSELECT %s FROM carried", strings.Join(now, ", "), from, strings.Join(old, ", "))
}
