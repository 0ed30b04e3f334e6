package main

import (
	"encoding/json"
	"io"
	"sort"
	"strings"
)

// masker replaces the values of secret environment variables by references.
type masker struct{ r *strings.Replacer }

// newMasker knows the secrets of an environment: variables whose names begin
// with WAREHOUSE_SECRET_ or DBT_ENV_SECRET_.
func newMasker(environ []string) masker {
	type secret struct{ value, name string }
	var secrets []secret
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if value != "" && (strings.HasPrefix(name, "WAREHOUSE_SECRET_") || strings.HasPrefix(name, "DBT_ENV_SECRET_")) {
			secrets = append(secrets, secret{value, name})
		}
	}
	if len(secrets) == 0 {
		return masker{}
	}
	// Of a secret and one that contains it the longer goes first.
	sort.Slice(secrets, func(i, j int) bool {
		a, b := secrets[i], secrets[j]
		return len(a.value) > len(b.value) || len(a.value) == len(b.value) && a.name < b.name
	})
	var pairs []string
	add := func(value, name string) { pairs = append(pairs, value, "{{ env_var('"+name+"') }}") }
	for _, s := range secrets {
		add(s.value, s.name)
	}
	for _, s := range secrets { // as it looks where control characters were escaped
		if shown := clean(s.value); shown != s.value {
			add(shown, s.name)
		}
	}
	return masker{strings.NewReplacer(pairs...)}
}

// text masks a text.
func (m masker) text(s string) string {
	if m.r == nil {
		return s
	}
	return m.r.Replace(s)
}

// json masks the strings of a JSON text and leaves its structure alone.
func (m masker) json(doc []byte) []byte {
	if m.r == nil {
		return doc
	}
	var out []byte
	for i := 0; i < len(doc); {
		if doc[i] != '"' {
			out = append(out, doc[i])
			i++
			continue
		}
		end := i + 1
		for end < len(doc) && doc[end] != '"' {
			if doc[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end+1, len(doc))
		out = append(out, m.jsonString(doc[i:end])...)
		i = end
	}
	return out
}

func (m masker) jsonString(quoted []byte) []byte {
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return quoted
	}
	masked := m.text(s)
	if masked == s {
		return quoted
	}
	b, _ := json.Marshal(masked) // a string always marshals
	return b
}

// writer masks all that is written to w. A secret must not be spread over two
// writes: callers write whole lines.
func (m masker) writer(w io.Writer) io.Writer {
	if m.r == nil {
		return w
	}
	return maskingWriter{w, m}
}

type maskingWriter struct {
	w io.Writer
	m masker
}

func (w maskingWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.w, w.m.text(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// command is a command line as the register keeps it: as one would type it
// into a shell, without secrets.
func (m masker) command(args []string) string {
	words := []string{"warehouse"}
	for _, a := range args {
		words = append(words, quote(m.text(a)))
	}
	return strings.Join(words, " ")
}

// quote writes a word as a shell reads it back.
func quote(word string) string {
	safe := word != "" && strings.IndexFunc(word, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./-_", r) || r > 0x7f)
	}) < 0
	switch {
	case safe:
		return word
	case !strings.Contains(word, "'"):
		return "'" + word + "'"
	case !strings.ContainsAny(word, "\"$`\\!"):
		return `"` + word + `"`
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
