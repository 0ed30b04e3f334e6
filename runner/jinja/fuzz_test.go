package jinja

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"warehouse/runner/diag"
)

// seeds are the templates of the corpus.
func seeds(f *testing.F) {
	for _, s := range readCorpus(f) {
		f.Add(s)
	}
	f.Add(everyday)
	g := &generator{Rand: rand.New(rand.NewPCG(7, 7))}
	for range 300 {
		g.vars, g.loop = nil, 0
		f.Add(g.body(3))
	}
}

// FuzzLexer: tokens stand in order and within the text, and data is verbatim.
func FuzzLexer(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		text := normalise(src)
		l := lexer{src: text, state: tData}
		last := int32(0)
		for {
			tok, err := l.next()
			if err != nil {
				if e := err.(*lexError); e.pos < 0 || e.pos > len(text) {
					t.Fatalf("error at %d of %d", e.pos, len(text))
				}
				return
			}
			if tok.pos < last || tok.end < tok.pos || int(tok.end) > len(text) {
				t.Fatalf("%v at %d to %d behind %d of %d", tok.kind, tok.pos, tok.end, last, len(text))
			}
			if tok.kind == tData && tok.str != text[tok.pos:tok.end] {
				t.Fatalf("data %q is not %q", tok.str, text[tok.pos:tok.end])
			}
			if tok.kind == tEOF {
				return
			}
			last = tok.end
		}
	})
}

// FuzzParse: a template parses, or the error has a place.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		tmpl, err := Parse("f.sql", src)
		if err != nil {
			if d, ok := err.(*diag.Error); !ok || d.Pos.Line == 0 || d.Msg == "" {
				t.Fatalf("%#v", err)
			}
			return
		}
		tmpl.Calls("ref")
		for _, m := range tmpl.Macros() {
			if m.Name == "" || m.Pos.Line == 0 {
				t.Fatalf("%+v", m)
			}
		}
	})
}

// FuzzRender: nothing crashes, and every byte of the output has a place.
func FuzzRender(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		tmpl, err := Parse("f.sql", src)
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		o := Options{Globals: corpusGlobals(t), Limits: Limits{Steps: 20_000, Output: 1 << 18, Total: 16 << 20, Items: 50_000, IntBits: 10_000}}
		out, err := tmpl.Render(ctx, o)
		if err != nil {
			if _, ok := err.(*diag.Error); !ok || strings.Contains(err.Error(), "internal error") {
				t.Fatalf("%#v", err)
			}
			return
		}
		if utf8.ValidString(src) && !utf8.ValidString(out.Text) && !strings.Contains(src, "translate") {
			t.Fatalf("%q is no text", out.Text)
		}
		for i := 0; i < len(out.Text); i += 1 + len(out.Text)/50 {
			if pos, _, ok := out.Map.At(i); !ok || pos.Line == 0 {
				t.Fatalf("no place for byte %d", i)
			}
		}
		again, err := tmpl.Render(ctx, Options{Globals: corpusGlobals(t), Limits: o.Limits})
		if err != nil || again.Text != out.Text && !strings.Contains(src, "now") && !strings.Contains(src, "today") {
			t.Fatalf("rendered again: %q, %v; before: %q", again.Text, err, out.Text)
		}
	})
}
