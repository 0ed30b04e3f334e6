package jinja

import (
	"time"

	"github.com/dlclark/regexp2"
)

// mostRegexTime bounds one match of the engine that backtracks, which may take
// exponential time.
const mostRegexTime = 5 * time.Second

// backtracker is a pattern for the engine that backtracks.
type backtracker struct {
	search, match, full *regexp2.Regexp
	further             *regexp2.Regexp // as search, but for an empty match at the start
}

// backtracker returns the pattern's, which is made once.
func (p *pattern) backtracker() (*backtracker, error) {
	if p.deep != nil {
		return p.deep, nil
	}
	text, err := (&translator{pattern: p, deep: true}).translate()
	if err != nil {
		return nil, err
	}
	options := regexp2.None
	for bit, o := range map[int64]regexp2.RegexOptions{reIgnoreCase: regexp2.IgnoreCase, reMultiline: regexp2.Multiline,
		reDotAll: regexp2.Singleline, reVerbose: regexp2.IgnorePatternWhitespace} {
		if p.flags&bit != 0 {
			options |= o
		}
	}
	if p.flags&reVerbose != 0 {
		text += "\n" // ends a comment
	}
	b := &backtracker{}
	for _, c := range []struct {
		re   **regexp2.Regexp
		text string
	}{{&b.search, text}, {&b.match, `\A(?:` + text + `)`}, {&b.full, `\A(?:` + text + `)\z`}, {&b.further, `(?:` + text + `)(?!\G)`}} {
		if *c.re, err = regexp2.Compile(c.text, options); err != nil {
			return nil, raise(valueError, "bad regular expression %s: %v", Repr(p.source), err)
		}
		(*c.re).MatchTimeout = mostRegexTime
	}
	p.deep = b
	return b, nil
}

// firstDeep is match, search or fullmatch; nil if there is none.
func (p *pattern) firstDeep(how, s string) ([]int, error) {
	b, err := p.backtracker()
	if err != nil {
		return nil, err
	}
	t := deepText(s)
	m, err := map[string]*regexp2.Regexp{"match": b.match, "search": b.search, "fullmatch": b.full}[how].FindRunesMatch(t.runes)
	if err != nil || m == nil {
		return nil, p.tooLong(err)
	}
	return t.offsets(m), nil
}

// allDeep is all of the engine that backtracks: behind an empty match the next may
// begin where that was, and be longer.
func (p *pattern) allDeep(s string, limit int) ([][]int, error) {
	b, err := p.backtracker()
	if err != nil {
		return nil, err
	}
	t := deepText(s)
	var out [][]int
	re, from := b.search, 0
	for limit <= 0 || len(out) < limit {
		m, err := re.FindRunesMatchStartingAt(t.runes, from)
		if err != nil {
			return nil, p.tooLong(err)
		}
		if m == nil {
			break
		}
		out = append(out, t.offsets(m))
		re, from = b.search, m.Index+m.Length
		if m.Length == 0 {
			re = b.further
		}
	}
	return out, nil
}

func (p *pattern) tooLong(err error) error {
	if err == nil {
		return nil
	}
	return raise(limitError, "the regular expression %s takes longer than %s on this text", Repr(p.source), mostRegexTime)
}

// runeText is a text with the offsets of its characters: the engine counts those.
type runeText struct {
	runes []rune
	at    []int
}

func deepText(s string) runeText {
	t := runeText{runes: make([]rune, 0, len(s)), at: make([]int, 0, len(s)+1)}
	for i, r := range s {
		t.runes, t.at = append(t.runes, r), append(t.at, i)
	}
	t.at = append(t.at, len(s))
	return t
}

// offsets are those of a match and its groups in bytes, as Go's regexp gives them.
func (t runeText) offsets(m *regexp2.Match) []int {
	groups := m.Groups()
	out := make([]int, 0, 2*len(groups))
	for _, g := range groups {
		if len(g.Captures) == 0 {
			out = append(out, -1, -1)
			continue
		}
		out = append(out, t.at[g.Index], t.at[g.Index+g.Length])
	}
	return out
}
