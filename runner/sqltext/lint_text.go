package sqltext

import "strings"

// LintText is Lint without a syntax tree, for texts and engines that have none.
// It looks for names behind FROM, JOIN and commas of a FROM, and takes a text
// as filtered that compares the run id column with anything, anywhere.
func LintText(sql string, o LintOptions) []Finding {
	tokens := Scan(sql)
	names := Names(sql)
	l := &linter{sql: sql, o: o}
	ctes := cteNames(sql, tokens)
	for _, n := range names {
		if !behindFrom(sql, tokens, n.Start) || len(n.Parts) == 1 && ctes[strings.ToLower(n.Parts[0])] {
			continue
		}
		s := &source{start: n.Start}
		var catalog, schema string
		switch p := n.Parts; len(p) {
		case 1:
		case 2:
			schema = p[0]
		default:
			catalog, schema = p[len(p)-3], p[len(p)-2]
		}
		l.classify(s, catalog, schema, n.Parts[len(n.Parts)-1])
		if s.table != nil && !comparesColumn(sql, tokens, s.table.RunColumn) {
			l.report(s)
		}
	}
	return l.found
}

// behindFrom says whether the token before off, past names, aliases and commas,
// is FROM or JOIN.
func behindFrom(sql string, tokens []Token, off int) bool {
	comma := false
	for i := len(tokens) - 1; i >= 0; i-- {
		t := tokens[i]
		if t.Start >= off || t.blank() {
			continue
		}
		switch w := upper(t.text(sql)); {
		case t.Kind == Word && (w == "FROM" || w == "JOIN" || w == "PIVOT" || w == "UNPIVOT" || w == "TABLE"):
			return true
		case t.is(sql, ","):
			comma = true
		case comma && (t.Kind == Word && w != "SELECT" && w != "BY" && w != "ON" && w != "AND" || t.Kind == Quoted || t.is(sql, ".")):
		default:
			return false
		}
	}
	return false
}

// cteNames are the names of WITH lists: a name, AS, and a bracket.
func cteNames(sql string, tokens []Token) map[string]bool {
	out := map[string]bool{}
	last, asAfter := "", ""
	for _, t := range tokens {
		w := t.text(sql)
		switch {
		case t.blank():
			continue
		case t.Kind == Word && upper(w) == "AS":
			asAfter = last
		case t.is(sql, "(") && asAfter != "":
			out[strings.ToLower(asAfter)] = true
			asAfter = ""
		case t.Kind == Word && (upper(w) == "MATERIALIZED" || upper(w) == "NOT"):
		case t.Kind == Word || t.Kind == Quoted:
			last, asAfter = strings.Trim(w, `"`), ""
		default:
			asAfter = ""
		}
	}
	return out
}

// comparesColumn says whether a text has `column =` or `= column`.
func comparesColumn(sql string, tokens []Token, column string) bool {
	last, equal := "", false // equal: only names and dots since a =
	for _, t := range tokens {
		if t.blank() {
			continue
		}
		w := strings.Trim(t.text(sql), `"`)
		name := t.Kind == Word || t.Kind == Quoted
		if w == "=" && strings.EqualFold(last, column) || equal && name && strings.EqualFold(w, column) {
			return true
		}
		equal = w == "=" || equal && (name || w == ".")
		last = w
	}
	return false
}
