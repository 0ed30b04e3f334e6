package compile

import "testing"

// TestVersionedRef: a version is a model of its own; one that is not there is
// never taken for the model without it.
func TestVersionedRef(t *testing.T) {
	for version, want := range map[string]string{"": "m", "2": "m_v2"} {
		k := call{name: "m", version: version}
		if got := k.versioned(); got != want {
			t.Errorf("version %q: %s, want %s", version, got, want)
		}
	}
}
