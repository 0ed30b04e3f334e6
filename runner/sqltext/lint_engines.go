package sqltext

import "strings"

// The rules of LintEngines.
const (
	// Division: of integers it is an integer on Trino and a fraction on DuckDB,
	// and of decimals it has their scale on Trino.
	Division Rule = "division"
	// NullArgument: a function that leaves NULL out on DuckDB and is NULL on Trino.
	NullArgument Rule = "null_argument"
	// Weekday: days of the week are counted from another day.
	Weekday Rule = "weekday"
	// DateDiff: crossed boundaries on DuckDB, whole units on Trino.
	DateDiff Rule = "date_diff"
	// RegexpReplace: the first match on DuckDB, all of them on Trino.
	RegexpReplace Rule = "regexp_replace"
)

// differing are functions that both engines have and that differ.
var differing = map[string]Rule{
	"concat": NullArgument, "greatest": NullArgument, "least": NullArgument,
	"day_of_week": Weekday, "dayofweek": Weekday, "dow": Weekday,
	"date_diff": DateDiff, "regexp_replace": RegexpReplace,
}

// doubles are functions whose result is a double on every engine.
var doubles = map[string]bool{"sqrt": true, "cbrt": true, "ln": true, "exp": true, "power": true, "pow": true, "pi": true, "random": true,
	"stddev": true, "stddev_samp": true, "stddev_pop": true, "variance": true, "var_samp": true, "var_pop": true, "corr": true}

// LintEngines looks for what DuckDB and Trino both accept and compute
// differently. It knows no types: a division is found unless one of its sides
// is a double by what is written.
func LintEngines(sql string) []Finding {
	e := engines{sql: sql}
	for _, t := range Scan(sql) {
		if !t.blank() {
			e.tokens = append(e.tokens, t)
		}
	}
	for i, t := range e.tokens {
		switch {
		case t.is(sql, "/"):
			if !e.doubleBefore(i-1) && !e.doubleAfter(i+1) {
				e.found = append(e.found, Finding{Rule: Division, Start: t.Start, End: t.End, Name: "/"})
			}
		case t.Kind == Word:
			name := strings.ToLower(t.text(sql))
			rule, ok := differing[name]
			part := e.word(i-1) == "" && e.is(i-1, "(") && e.word(i-2) == "extract" // extract(dow from x)
			if ok && !e.is(i-1, ".") && (e.is(i+1, "(") || part) {
				e.found = append(e.found, Finding{Rule: rule, Start: t.Start, End: t.End, Name: name})
			}
		}
	}
	return e.found
}

type engines struct {
	sql    string
	tokens []Token // without blanks
	found  []Finding
}

func (e *engines) is(i int, text string) bool {
	return i >= 0 && i < len(e.tokens) && e.tokens[i].is(e.sql, text)
}

// word is a word in lower case, or "".
func (e *engines) word(i int) string {
	if i < 0 || i >= len(e.tokens) || e.tokens[i].Kind != Word {
		return ""
	}
	return strings.ToLower(e.tokens[i].text(e.sql))
}

// match is the bracket that belongs to the one at i, looking forth (1) or back
// (-1); -1 if there is none.
func (e *engines) match(i, step int) int {
	depth := 0
	for ; i >= 0 && i < len(e.tokens); i += step {
		switch {
		case e.is(i, "("):
			depth += step
		case e.is(i, ")"):
			depth -= step
		}
		if depth == 0 {
			return i
		}
	}
	return -1
}

// doubleBefore says whether a factor of the product that ends at i is a double.
func (e *engines) doubleBefore(i int) bool {
	if i < 0 {
		return false
	}
	start, double := i, e.number(i)
	if e.is(i, ")") {
		if start = e.match(i, -1); start < 0 {
			return false
		}
		if e.word(start-1) != "" {
			start--
			double = e.call(start, i)
		}
	}
	for e.is(start-1, ".") {
		start -= 2
	}
	if double {
		return true
	}
	if e.is(start-1, "*") || e.is(start-1, "/") {
		return e.doubleBefore(start - 2)
	}
	return false
}

// doubleAfter says whether the factor at i is a double.
func (e *engines) doubleAfter(i int) bool {
	if e.number(i) {
		return true
	}
	if e.word(i) == "" || !e.is(i+1, "(") {
		return false
	}
	end := e.match(i+1, 1)
	return end > 0 && e.call(i, end)
}

// number says whether a number is written with an exponent.
func (e *engines) number(i int) bool {
	if i >= len(e.tokens) || e.tokens[i].Kind != Number {
		return false
	}
	text := e.tokens[i].text(e.sql)
	return !strings.HasPrefix(strings.ToLower(text), "0x") && strings.ContainsAny(text, "eE")
}

// call says whether the call from the word at start to the bracket at end
// returns a double.
func (e *engines) call(start, end int) bool {
	switch name := e.word(start); name {
	case "cast", "try_cast":
		typ := e.word(end - 1)
		return typ == "double" || typ == "real" || typ == "float" || typ == "precision"
	case "nullif", "coalesce", "abs", "sum", "avg", "min", "max": // of a double
		return e.is(end-1, ")") && e.doubleBefore(end-1) || start+2 < end && e.doubleAfter(start+2)
	default:
		return doubles[name]
	}
}
