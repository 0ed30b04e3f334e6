package compile

import (
	"testing"

	"warehouse/runner/jinja"
)

// appendRepr is jinja.Repr, faster for what is plain.
func TestAppendRepr(t *testing.T) {
	for _, s := range []string{"", "a b", "it's", `say "x"`, `it's "x"`, `a\b`, "a\nb", "ä", "\x7f", "{{ get_where_subquery(ref('x')) }}", "'", `"`, `"'`} {
		if got, want := string(appendRepr([]byte("."), s)), "."+jinja.Repr(s); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
}
