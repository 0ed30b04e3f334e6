package project

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/diag"
)

// parseYAML reads a file that holds one YAML document. The node is nil if the
// document is empty or does not parse.
func parseYAML(name string, data []byte) (*yamlFile, *yaml.Node) {
	f := &yamlFile{name: name, budget: 100_000 + 3*len(data)}
	text, bad := decodeText(name, data)
	f.src = text
	if bad != nil {
		f.errs.Add(bad)
		return f, nil
	}
	if off := controlChar(text); off >= 0 {
		line, col := diag.Locate(text, off)
		r, _ := utf8.DecodeRuneInString(text[off:])
		f.errs.Add(f.at(line, col, 1, "control character U+%04X in a YAML file", r))
		return f, nil
	}
	var doc, next yaml.Node
	dec := yaml.NewDecoder(strings.NewReader(text))
	err := decodeNode(dec, &doc)
	if errors.Is(err, io.EOF) {
		return f, nil
	}
	if err == nil {
		switch err = decodeNode(dec, &next); {
		case errors.Is(err, io.EOF):
			err = nil
		case err == nil:
			e := f.at(max(next.Line, 1), 1, 3, "a second YAML document in one file")
			e.Advice = "give each document a file of its own"
			f.errs.Add(e)
		}
	}
	if err != nil {
		f.errs.Add(f.syntaxError(err))
		return f, nil
	}
	if len(doc.Content) == 0 {
		return f, nil
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Style == 0 && isNull(root.Value) {
		return f, nil
	}
	return f, root
}

// decodeNode reads the next document. The YAML package panics on a few
// malformed inputs; that must not end the program.
func decodeNode(dec *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	return dec.Decode(n)
}

// decodeText drops a byte order mark and refuses what is not UTF-8.
func decodeText(name string, data []byte) (string, *diag.Error) {
	text := string(bytes.TrimPrefix(data, []byte("\ufeff")))
	if utf8.ValidString(text) {
		return text, nil
	}
	off := 0
	for off < len(text) {
		r, n := utf8.DecodeRuneInString(text[off:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		off += n
	}
	line, col := diag.Locate(text, off)
	return "", &diag.Error{
		Pos: diag.Pos{File: name, Line: line, Col: col}, Source: strings.ToValidUTF8(diag.LineAt(text, line), "\ufffd"),
		Msg: fmt.Sprintf("not UTF-8: byte 0x%02X", text[off]), Advice: "save the file as UTF-8",
	}
}

// controlChar returns the offset of the first character that YAML forbids, or -1.
func controlChar(text string) int {
	return strings.IndexFunc(text, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r < 0xa0 && r != 0x85
	})
}

var (
	yamlLine  = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	tabIndent = regexp.MustCompile(`(?m)^ *\t[ \t]*[^\s#]`)
)

// plainWords says what usually is behind a message of the YAML scanner.
var plainWords = []struct{ msg, means string }{
	{"mapping values are not allowed", "a value with a colon in it needs quotes, or the line is indented too far"},
	{"did not find expected key", "the line does not fit the indentation of those above it, or a quote before it is not closed"},
	{"did not find expected '-' indicator", "the line does not fit the list above it: check its indentation"},
	{"did not find expected ',' or", "a bracket or brace is not closed, or a comma is missing"},
	{"could not find expected ':'", "a key without a colon behind it"},
	{"found unexpected end of stream", "a quote or bracket is not closed"},
	{"unknown anchor", "an alias (*name) needs an anchor (&name) above it"},
	{"cannot start any token", "a value that begins with this character needs quotes"},
	{"did not find expected alphabetic", "a value that begins with * or & needs quotes"},
	{"found unknown escape character", "in double quotes a backslash begins an escape: use single quotes"},
}

func (f *yamlFile) syntaxError(err error) *diag.Error {
	m := yamlLine.FindStringSubmatch(err.Error())
	msg, line := err.Error(), 1
	if m != nil {
		msg = msg[len(m[0]):]
		line, _ = strconv.Atoi(m[1])
	}
	if at := tabIndent.FindStringIndex(f.src); at != nil {
		tab := at[0] + strings.IndexByte(f.src[at[0]:], '\t')
		line, col := diag.Locate(f.src, tab)
		e := f.at(line, col, 1, "a tab is used as indentation; YAML allows only spaces")
		e.Advice = "replace the tab by spaces"
		return e
	}
	if line < 1 || strings.HasPrefix(msg, "did not find expected") {
		// The message has the line where the surrounding block began.
		line = f.failingLine()
	}
	e := f.at(line, 0, 0, "YAML: %s", msg)
	for _, p := range plainWords {
		if strings.Contains(msg, p.msg) {
			e.Advice = p.means
			break
		}
	}
	return e
}

// failingLine parses the text again, fed line by line: the parser fails when
// it has seen the line that is wrong and none behind it.
func (f *yamlFile) failingLine() int {
	r := &lineReader{rest: f.src}
	dec := yaml.NewDecoder(r)
	for {
		var n yaml.Node
		if err := decodeNode(dec, &n); err != nil {
			break
		}
	}
	return max(1, min(r.lines, 1+strings.Count(strings.TrimRight(f.src, "\r\n"), "\n")))
}

type lineReader struct {
	rest  string
	lines int
}

func (r *lineReader) Read(p []byte) (int, error) {
	if r.rest == "" {
		return 0, io.EOF
	}
	n := strings.IndexByte(r.rest, '\n') + 1
	if n == 0 {
		n = len(r.rest)
	}
	n = copy(p, r.rest[:n])
	if r.rest[n-1] == '\n' || n == len(r.rest) {
		r.lines++
	}
	r.rest = r.rest[n:]
	return n, nil
}
