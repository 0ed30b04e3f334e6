package jinja

import (
	"errors"
	"strings"
	"testing"
)

func secretGlobals() MapScope {
	g := testGlobals()
	g["pw"] = Secret{"env:PW"}
	return g
}

func TestSecretsPrint(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"{{ pw }}", "[env:PW]"},
		{"{{ 'a' ~ pw ~ 'b' }}", "a[env:PW]b"},
		{"{{ 'a' + pw + 'b' }}{{ pw + pw }}", "a[env:PW]b[env:PW][env:PW]"},
		{"{{ ['a', pw]|join(',') }}{{ ','.join(['a', pw]) }}", "a,[env:PW]a,[env:PW]"},
		{"{% set x = 'k=' ~ pw %}{{ x }}", "k=[env:PW]"},
		{"{% set x %}k={{ pw }}{% endset %}{{ x }}{{ x ~ 1 }}", "k=[env:PW]k=[env:PW]1"},
		{"{% macro m(p) %}<{{ p }}>{% endmacro %}{{ m(pw) }}{{ m('a' ~ pw) }}{% set v = m(pw) %}{{ v }}", "<[env:PW]><a[env:PW]><[env:PW]>"},
		{"{{ pw is defined }}{{ pw is not none }}{{ pw is undefined }}", "TrueTrueFalse"},
		{"{% set l = [] %}{% do l.append(pw) %}{{ l[0] }}{{ {'a': pw}.a }}", "[env:PW][env:PW]"},
	} {
		out, err := renderModel(t, c.src, Options{Globals: secretGlobals()})
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		got, err := ReplaceSecrets(out.Text, func(ref string) (string, error) { return "[" + ref + "]", nil })
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v", c.src, got, err)
		}
	}
}

func TestSecretsDoNothingElse(t *testing.T) {
	for _, src := range []string{
		"{{ pw|upper }}", "{{ pw|length }}", "{{ pw|default('x') }}", "{{ pw|join }}", "{{ pw == 'x' }}", "{{ 'x' != pw }}", "{{ pw < 'x' }}",
		"{{ pw in 'abc' }}", "{{ 'a' in pw }}", "{{ pw is string }}", "{{ pw is eq 'x' }}", "{{ pw[0] }}", "{{ pw[1:] }}", "{{ pw.upper() }}", "{{ pw.x }}",
		"{% for c in pw %}{% endfor %}", "{% if pw %}{% endif %}", "{{ 'a' if pw else 'b' }}", "{{ not pw }}", "{{ pw and 1 }}", "{{ pw or 1 }}",
		"{{ pw * 2 }}", "{{ '%s' % pw }}", "{{ '%s' % (pw,) }}", "{{ '{}'.format(pw) }}", "{{ 'a'.replace('a', pw) }}", "{{ 'a'|replace('a', pw) }}",
		"{{ [pw] }}", "{{ {'a': pw} }}", "{{ {'a': pw}|tojson }}", "{{ [pw]|string }}", "{{ {pw: 1} }}", "{{ pw() }}", "{{ -pw }}", "{{ [pw]|map('upper')|list }}",
		"{{ ('a' ~ pw)|upper }}", "{{ ('a' ~ pw)[0] }}", "{% set x %}{{ pw }}{% endset %}{{ x|length }}", "{% set x | upper %}{{ pw }}{% endset %}",
		"{% filter upper %}{{ pw }}{% endfilter %}", "{% macro m() %}{{ pw }}{% endmacro %}{{ m()|trim }}", "{{ d[pw] }}", "{{ d.get(pw) }}",
	} {
		out, err := renderModel(t, src, Options{Globals: secretGlobals()})
		if err == nil {
			t.Errorf("%s: rendered %q", src, out.Text)
		} else if !strings.Contains(err.Error(), "a secret can only be printed or concatenated") {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestReplaceSecrets(t *testing.T) {
	text := "a" + Str(Secret{"x"}) + "b" + Str(Secret{"y"})
	parts, err := SplitSecrets(text)
	if err != nil || len(parts) != 4 || parts[1].Ref != "x" || parts[2].Text != "b" || parts[3].Ref != "y" {
		t.Errorf("%v %v", parts, err)
	}
	for _, damaged := range []string{text[:6], secretEnd, "a" + secretBegin, secretBegin + secretEnd, secretBegin + "a" + secretBegin + secretEnd} {
		if _, err := ReplaceSecrets(damaged, func(string) (string, error) { return "", nil }); err == nil {
			t.Errorf("%q passes", damaged)
		}
	}
	cause := errors.New("no")
	if _, err := ReplaceSecrets(text, func(string) (string, error) { return "", cause }); !errors.Is(err, cause) {
		t.Error(err)
	}
	if s, err := ReplaceSecrets("plain", nil); s != "plain" || err != nil {
		t.Error(s, err)
	}
}
