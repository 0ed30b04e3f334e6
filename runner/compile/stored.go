package compile

import (
	"fmt"
	"regexp"
)

// reference is what secretReference writes.
var reference = regexp.MustCompile(`\{\{ env_var\('((?:WAREHOUSE_SECRET_|DBT_ENV_SECRET_)[A-Za-z0-9_]*)'\) \}\}`)

// FromStored makes SQL that was kept runnable again: references to secrets get
// the environment's present values. It has no places in files.
func FromStored(stored string, lookupEnv func(string) (string, bool)) (*Rendered, error) {
	r := &Rendered{Stored: stored}
	var missing string
	r.SQL = reference.ReplaceAllStringFunc(stored, func(ref string) string {
		name := reference.FindStringSubmatch(ref)[1]
		value, ok := lookupEnv(name)
		if !ok {
			missing = name
		}
		r.Secrets = append(r.Secrets, name)
		return value
	})
	if missing != "" {
		return nil, fmt.Errorf("the stored SQL uses the secret %s, which is not in the environment", missing)
	}
	return r, nil
}

// SecretsOf lists the secrets whose references are in SQL that was kept.
func SecretsOf(stored string) (names []string) {
	for _, m := range reference.FindAllStringSubmatch(stored, -1) {
		names = append(names, m[1])
	}
	return names
}

// External says whether a source is kept in files rather than in a table.
func (n *Node) External() bool { return n.external != "" }
