package compile

import (
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/jinja"
)

// IsSecret says whether an environment variable holds a secret, by its name.
func IsSecret(name string) bool {
	return strings.HasPrefix(name, "WAREHOUSE_SECRET_") || strings.HasPrefix(name, "DBT_ENV_SECRET_")
}

// envVar is env_var('X', default). A secret comes back as a jinja.Secret, which
// can only be printed or concatenated; its value is filled in at the very end.
func (r *render) envVar(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "env_var", "var", "default?")
	if err != nil {
		return nil, err
	}
	name, ok := v[0].(string)
	if !ok {
		return nil, fmt.Errorf("env_var needs the variable's name as text, not %s", jinja.Repr(v[0]))
	}
	if v, ok := r.unitEnv(name); ok {
		return v, nil
	}
	value, set := r.lookupEnv(name)
	switch {
	case set && IsSecret(name):
		return jinja.Secret{Ref: name}, nil
	case set:
		return value, nil
	case v[1] != nil:
		return v[1], nil
	}
	e := c.Errorf("the environment variable '%s' is not set", name)
	e.Advice = fmt.Sprintf("set it, or give a default: env_var('%s', DEFAULT)", name)
	return nil, e
}

func (r *render) lookupEnv(name string) (string, bool) {
	if r.opts.LookupEnv == nil {
		return "", false
	}
	return r.opts.LookupEnv(name)
}

// secretReference is what is kept and shown in the place of a secret.
func secretReference(name string) string { return "{{ env_var('" + name + "') }}" }

// withReferences writes references where secrets were printed. A text that
// cannot be cut is hidden whole.
func withReferences(text string) string {
	out, err := jinja.ReplaceSecrets(text, func(ref string) (string, error) { return secretReference(ref), nil })
	if err != nil {
		return "(hidden: it holds a secret)"
	}
	return out
}

// noSecret refuses a secret as an argument.
func noSecret(what string, v jinja.Value) error {
	switch v.(type) {
	case jinja.Secret, jinja.SecretText:
		return fmt.Errorf("%s cannot take a secret: it can only be printed or concatenated", what)
	}
	return nil
}

// filled is a text with its secrets filled in, and with references instead.
type filled struct {
	sql, stored string
	names       []string // of the secrets, sorted
	shifts      []shift  // from sql back to the text with markers; by place
}

// shift says that from byte at of sql on (and up to the next shift), byte x is
// byte x-at+from of the marked text; inside a secret all bytes are its start.
type shift struct {
	at, from int
	secret   bool
}

// fill replaces the markers of printed secrets.
func (r *render) fill(text string) (filled, error) {
	parts, err := jinja.SplitSecrets(text)
	if err != nil {
		return filled{}, err
	}
	if len(parts) == 0 || len(parts) == 1 && parts[0].Ref == "" {
		return filled{sql: text, stored: text}, nil
	}
	var f filled
	var sql, stored strings.Builder
	from := 0
	for _, p := range parts {
		f.shifts = append(f.shifts, shift{sql.Len(), from, p.Ref != ""})
		if p.Ref == "" {
			sql.WriteString(p.Text)
			stored.WriteString(p.Text)
			from += len(p.Text)
			continue
		}
		value, ok := r.lookupEnv(p.Ref)
		if !ok {
			return filled{}, fmt.Errorf("the environment variable '%s' is not set any more", p.Ref)
		}
		sql.WriteString(value)
		stored.WriteString(secretReference(p.Ref))
		from += markerLen(p)
		if !slices.Contains(f.names, p.Ref) {
			f.names = append(f.names, p.Ref)
		}
	}
	slices.Sort(f.names)
	f.sql, f.stored = sql.String(), stored.String()
	return f, nil
}

// markerLen is how many bytes of the marked text a secret takes: its name
// between two runes of four bytes each.
func markerLen(p jinja.SecretPart) int { return 4 + len(p.Ref) + 4 }

// marked leads from a byte of sql to one of the marked text.
func (f *filled) marked(off int) int {
	for i := len(f.shifts) - 1; i >= 0; i-- {
		if s := f.shifts[i]; off >= s.at {
			if s.secret {
				return s.from
			}
			return s.from + off - s.at
		}
	}
	return off
}
