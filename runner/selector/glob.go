package selector

import "unicode/utf8"

// Glob reports whether s matches pattern as Python's fnmatch.fnmatchcase has
// it: * is any text, ? one rune, [abc], [a-z] and [!abc] one rune of a set or
// not of it. A ] that comes first in a set belongs to it; a [ without its ]
// stands for itself. Nothing escapes.
func Glob(pattern, s string) bool {
	// Going back to the last * alone is enough: an earlier one can take no
	// more than the later one could.
	star, resume := -1, 0
	p, i := 0, 0
	for {
		if p < len(pattern) && pattern[p] == '*' {
			star, resume = p+1, i
			p++
			continue
		}
		if i == len(s) && p == len(pattern) {
			return true
		}
		if i < len(s) && p < len(pattern) {
			r, size := utf8.DecodeRuneInString(s[i:])
			if n, ok := one(pattern[p:], r); ok {
				p, i = p+n, i+size
				continue
			}
		}
		if star < 0 || resume >= len(s) {
			return false
		}
		_, size := utf8.DecodeRuneInString(s[resume:])
		resume += size
		p, i = star, resume
	}
}

// one matches r with what stands first in pattern, and returns its length.
func one(pattern string, r rune) (int, bool) {
	c, n := utf8.DecodeRuneInString(pattern)
	switch c {
	case '?':
		return n, true
	case '[':
		if end := setEnd(pattern); end > 0 {
			return end + 1, inSet(pattern[1:end], r)
		}
	}
	return n, c == r
}

// setEnd returns the index of the ] that closes the [ at the start, or -1.
func setEnd(pattern string) int {
	i := 1
	if i < len(pattern) && pattern[i] == '!' {
		i++
	}
	if i < len(pattern) && pattern[i] == ']' {
		i++
	}
	for ; i < len(pattern); i++ {
		if pattern[i] == ']' {
			return i
		}
	}
	return -1
}

func inSet(set string, r rune) bool {
	not := set[0] == '!'
	if not {
		set = set[1:]
	}
	runes := []rune(set)
	for i := 0; i < len(runes); i++ {
		if i+2 < len(runes) && runes[i+1] == '-' {
			if runes[i] <= r && r <= runes[i+2] {
				return !not
			}
			i += 2
		} else if runes[i] == r {
			return !not
		}
	}
	return not
}

// wild reports whether a pattern has a wildcard; as in dbt a lone ] counts.
func wild(s string) bool {
	for i := range len(s) {
		switch s[i] {
		case '*', '?', '[', ']':
			return true
		}
	}
	return false
}
