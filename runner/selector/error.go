package selector

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// SyntaxError says where a selection makes no sense, or why a criterion could
// not be answered.
type SyntaxError struct {
	Query string // the text that was read
	Off   int    // byte offset in Query
	Msg   string // lower case, no full stop
	Err   error  // what a Matcher returned, if that is the cause
}

// Error shows the text with a caret under the place, counted in runes:
//
//	selection: unknown method "tags"; did you mean "tag"?
//	    orders tags:nightly
//	           ^
func (e *SyntaxError) Error() string {
	if e.Query == "" {
		return "selection: " + e.Msg
	}
	oneLine := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, e.Query)
	before := utf8.RuneCountInString(e.Query[:min(e.Off, len(e.Query))])
	return fmt.Sprintf("selection: %s\n    %s\n    %*s^", e.Msg, oneLine, before, "")
}

func (e *SyntaxError) Unwrap() error { return e.Err }
