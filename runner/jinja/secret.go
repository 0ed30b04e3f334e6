package jinja

import (
	"fmt"
	"strings"
)

// Secret is a value that templates may print and concatenate, and nothing
// else. Where it is printed stands a marker with its Ref, which ReplaceSecrets
// finds; so the value itself never passes through a template.
type Secret struct{ Ref string }

// SecretText is text with a Secret in it: it may be used as a Secret may.
type SecretText string

// The marker of a secret is its Ref between two characters that no text has:
// they are the last ones of Unicode's private planes.
const (
	secretBegin = "\U0010FFFC"
	secretEnd   = "\U0010FFFD"
)

func isSecret(v Value) bool {
	switch v.(type) {
	case Secret, SecretText:
		return true
	}
	return false
}

func secretMarker(v Value) string {
	switch v := v.(type) {
	case Secret:
		return secretBegin + v.Ref + secretEnd
	case SecretText:
		return string(v)
	}
	return ""
}

// secretText is the text of a secret that is printed.
func (rt *render) secretText(v Value) string {
	rt.secrets = true
	return secretMarker(v)
}

// maybeSecret is a captured text as a value.
func (rt *render) maybeSecret(text string) Value {
	if rt.secrets && strings.Contains(text, secretBegin) {
		return SecretText(text)
	}
	return text
}

// addSecret adds texts one of which is a secret, or fails.
func (rt *render) addSecret(op kind, a, b Value) (Value, error) {
	if op != tAdd {
		return nil, errSecret
	}
	var text string
	for _, v := range [...]Value{a, b} {
		switch v := v.(type) {
		case Secret, SecretText:
			text += rt.secretText(v)
		case string:
			text += v
		case Markup:
			text += string(v)
		default:
			return nil, errSecret
		}
	}
	return SecretText(text), rt.spend(len(text))
}

// SecretPart is a piece of text: verbatim, or the Ref of a secret.
type SecretPart struct{ Text, Ref string }

// SplitSecrets cuts text at the markers of printed Secrets. A marker that is
// not whole is an error.
func SplitSecrets(text string) ([]SecretPart, error) {
	var parts []SecretPart
	for {
		before, rest, found := strings.Cut(text, secretBegin)
		if strings.Contains(before, secretEnd) {
			return nil, fmt.Errorf("the text of a secret has been changed")
		}
		if before != "" {
			parts = append(parts, SecretPart{Text: before})
		}
		if !found {
			return parts, nil
		}
		ref, after, found := strings.Cut(rest, secretEnd)
		if !found || ref == "" || strings.Contains(ref, secretBegin) {
			return nil, fmt.Errorf("the text of a secret has been changed")
		}
		parts = append(parts, SecretPart{Ref: ref})
		text = after
	}
}

// ReplaceSecrets replaces the marker of each printed Secret by what value says.
func ReplaceSecrets(text string, value func(ref string) (string, error)) (string, error) {
	if !strings.Contains(text, secretBegin) && !strings.Contains(text, secretEnd) {
		return text, nil
	}
	parts, err := SplitSecrets(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, p := range parts {
		if p.Ref == "" {
			b.WriteString(p.Text)
			continue
		}
		v, err := value(p.Ref)
		if err != nil {
			return "", err
		}
		b.WriteString(v)
	}
	return b.String(), nil
}
