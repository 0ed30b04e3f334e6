package selector_test

import (
	"errors"
	"strings"
	"testing"

	"warehouse/runner/selector"
)

// In a query the place of the error is marked by ‸.
func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ query, want string }{
		{"‸", "empty selection"},
		{"‸   ", "empty selection"},
		{"‸+", `"+" has nothing to apply to`},
		{"‸@", `"@" has nothing to apply to`},
		{"orders ‸+ items", `"+" has nothing to apply to`},
		{"orders+,‸+ items", `"+" has nothing to apply to`},
		{"é ‸2+", `"2+" has nothing to apply to`},
		{"‸1+", `"1+" has nothing to apply to`},
		{"a,‸", "nothing beside the comma"},
		{"‸,a", "nothing beside the comma"},
		{"a,‸,b", "nothing beside the comma"},
		{"a,‸ b", "nothing beside the comma"},
		{"+‸+a", `unexpected "+"`},
		{"a‸++", `unexpected "+"`},
		{"@‸@a", `unexpected "@"`},
		{"@a‸+", "do not go together"},
		{"‸99999999999999999999+a", "too large"},
		{"tag:‸", "tag: needs a value"},
		{"+tag:‸+", "tag: needs a value"},
		{"é ‸tags:x", `unknown method "tags"; did you mean "tag"?`},
		{"+‸sources:raw+", `unknown method "sources"; did you mean "source"?`},
		{"config‸:table", "config needs a key"},
		{"tag‸.x:y", "tag takes no .x"},
		{"test_type:‸unti", `test_type: has no value "unti"; did you mean "unit"?`},
		{"resource_type:‸models", `did you mean "model"?`},
		{"version:‸newest", "it knows latest, prerelease, old, none"},
		{"source:‸a.b.c.d", "at most 3 names"},
		{"exposure:‸a.b.c", "at most 2 names"},
		{"selector:‸nigthly", `no selector is named "nigthly"; did you mean "nightly"?`},
	} {
		query, after, _ := strings.Cut(c.query, "‸")
		off := len(query)
		query += after
		o := selector.Options{Selectors: map[string]selector.Expr{"nightly": selector.All{}}}
		_, err := o.Parse(query)
		var syntax *selector.SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(syntax.Msg, c.want) || syntax.Off != off || syntax.Query != query {
			t.Errorf("%s: %v, want %s", c.query, err, c.want)
		}
	}
	if _, err := selector.Parse(); err == nil {
		t.Error("no text at all is an error too")
	}
}

func TestErrorShowsThePlace(t *testing.T) {
	_, err := selector.Parse("größe orders+,+ items")
	want := "selection: \"+\" has nothing to apply to (write it without blanks: +name, name+, @name)\n" +
		"    größe orders+,+ items\n" +
		"                  ^"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// What only the Matcher knows fails at the criterion that asked.
func TestMatcherErrors(t *testing.T) {
	g, nodes := shop(t)
	for _, c := range []struct {
		query string
		m     selector.Matcher
		want  string
		off   int
	}{
		{"orders state:modified", nil, "state: needs a run", 7},
		{"result:error", nil, "result: needs a run", 0},
		{"orders +state:changed", state{}, "no such state", 7},
	} {
		e, err := selector.Parse(c.query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Select(g, nodes, c.m)
		var syntax *selector.SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(syntax.Msg, c.want) || syntax.Off != c.off {
			t.Errorf("%s: %v, want %s", c.query, err, c.want)
		}
	}
}

// The expected answers are those of Python's fnmatch.fnmatchcase.
func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "a.b/c", true}, {"a*c", "abbc", true}, {"a*c", "abbd", false},
		{"*a*b*", "xaxb", true}, {"*a*b*", "xbxa", false}, {"a**b", "ab", true}, {"?", "é", true}, {"??", "é", false},
		{"[abc]", "b", true}, {"[a-c]x", "bx", true}, {"[!a-c]", "b", false}, {"[!a]", "é", true}, {"[é-ü]", "ö", true},
		{"[]]", "]", true}, {"[!]]", "]", false}, {"[]a]", "a", true}, {"[a", "[a", true}, {"[", "[", true}, {"[!", "[!", true}, {"[a-]", "-", true},
		{"[-a]", "-", true}, {"a]", "a]", true}, {"A", "a", false}, {"[^a]", "^", true}, {"*.sql", "a.sql", true}, {`\*`, `\x`, true},
	} {
		if got := selector.Glob(c.pattern, c.s); got != c.want {
			t.Errorf("%q on %q: %v, want %v", c.pattern, c.s, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"+orders+ 2+a,tag:b+3 @c", "config.meta.owner:x", "models/*/a.sql", "é,ü", "[!a-z]*", "source:a.b", "+,", "state:modified+"} {
		f.Add(s)
	}
	g, nodes := shop(f)
	f.Fuzz(func(t *testing.T, query string) {
		e, err := selector.Parse(query)
		var syntax *selector.SyntaxError
		switch {
		case err == nil:
		case errors.As(err, &syntax) && syntax.Off >= 0 && syntax.Off <= len(query):
			_ = err.Error()
			return
		default:
			t.Fatalf("%q: %#v", query, err)
		}
		again, err := selector.Parse(e.String())
		if err != nil || again.String() != e.String() {
			t.Fatalf("%q: written as %q, which is read as %v, %v", query, e, again, err)
		}
		if _, err := e.Select(g, nodes, nil); err != nil && !errors.As(err, &syntax) {
			t.Fatalf("%q: %v", query, err)
		}
	})
}
