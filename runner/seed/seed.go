// Package seed looks at a CSV file before the engine reads it.
//
// An engine's CSV reader guesses: at delimiters, at headers, at types; and a
// ragged file may become no rows at all, without an error. So Scan reads every
// byte first, and what the reader is told is what was found: the names of the
// header, the number of records, and for each column the narrowest type into
// which all values go without becoming other values (infer.go). What is wrong
// comes back with the line of the file, counted as an editor counts lines:
// line breaks inside quotes count too.
//
// The dialect is that of RFC 4180, with any delimiter: quotes are ", a quote
// in quotes is doubled, lines end in LF, CRLF or CR. Blank lines are skipped.
package seed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"warehouse/runner/diag"
)

// Column is a column of the header, and the type that its values have.
type Column struct {
	Name string
	Type Type
}

// File is what is known of a CSV file once it is scanned.
type File struct {
	Columns   []Column
	Records   int64  // without the header
	SHA256    string // of all bytes
	Longest   int    // bytes of the longest record: readers bound it
	Multiline bool   // a record goes over more than one line

	lines []jump
}

// jump says that from a record on, record number and line differ by more than
// before.
type jump struct {
	record int64
	line   int
}

// Line is the line on which a record starts; records count from 1 behind the
// header.
func (f *File) Line(record int64) int {
	i, found := slices.BinarySearchFunc(f.lines, record, func(j jump, r int64) int {
		switch {
		case j.record < r:
			return -1
		case j.record > r:
			return 1
		}
		return 0
	})
	if !found {
		i--
	}
	if i < 0 {
		return 0
	}
	return f.lines[i].line + int(record-f.lines[i].record)
}

// Delimiter returns what a delimiter in a config means, or an error. "" is a
// comma; \t may be written out.
func Delimiter(text string) (string, error) {
	switch text {
	case "":
		return ",", nil
	case `\t`:
		return "\t", nil
	}
	if utf8.RuneCountInString(text) != 1 || strings.ContainsAny(text, "\"\r\n\x00") {
		return "", fmt.Errorf("a delimiter is one character, not a quote or a line break: %q", text)
	}
	return text, nil
}

// Scan reads a whole CSV file. name is for errors, which are *diag.Error.
func Scan(r io.Reader, name, delimiter string) (*File, error) {
	return Each(r, name, delimiter, nil)
}

// Each is Scan; record, if it is not nil, is given the values of every record,
// in the order of the header. The slice is used again.
func Each(r io.Reader, name, delimiter string, record func(values []string)) (*File, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, &diag.Error{Pos: diag.Pos{File: name}, Msg: "can not be read: " + err.Error(), Err: err}
	}
	sum := sha256.Sum256(data)
	s := &scanner{name: name, data: bytes.TrimPrefix(data, []byte("\ufeff")), delimiter: []byte(delimiter), line: 1, record: record}
	s.file.SHA256 = hex.EncodeToString(sum[:])
	if err := s.encoding(); err != nil {
		return nil, err
	}
	if err := s.header(); err != nil {
		return nil, err
	}
	if err := s.records(); err != nil {
		return nil, err
	}
	return &s.file, nil
}

type scanner struct {
	name      string
	data      []byte
	delimiter []byte
	at, line  int // of the next byte
	file      File
	fields    []field // of the record that was read last
	record    func([]string)
	values    []string
}

// field is a value as it stands in the file, without the quotes around it.
type field struct {
	raw    []byte
	quoted bool
}

// value is what the field means.
func (f field) value() string {
	if !f.quoted {
		return string(f.raw)
	}
	return strings.ReplaceAll(string(f.raw), `""`, `"`)
}

func (s *scanner) fail(line int, advice, format string, args ...any) error {
	return &diag.Error{Pos: diag.Pos{File: s.name, Line: line}, Msg: fmt.Sprintf(format, args...), Advice: advice}
}

// encoding refuses what is no UTF-8 text.
func (s *scanner) encoding() error {
	if bytes.HasPrefix(s.data, []byte{0xff, 0xfe}) || bytes.HasPrefix(s.data, []byte{0xfe, 0xff}) {
		return s.fail(1, "save it as UTF-8", "the file is UTF-16, not UTF-8")
	}
	if i := bytes.IndexByte(s.data, 0); i >= 0 {
		return s.fail(lineOf(s.data, i), "", "the file holds a zero byte: it is no CSV file")
	}
	if utf8.Valid(s.data) {
		return nil
	}
	at := 0
	for at < len(s.data) {
		r, n := utf8.DecodeRune(s.data[at:])
		if r == utf8.RuneError && n <= 1 {
			break
		}
		at += n
	}
	return s.fail(lineOf(s.data, at), "save it as UTF-8", "the byte %#02x is not UTF-8", s.data[at])
}

// lineOf is the line of a byte.
func lineOf(data []byte, at int) int {
	line := 1
	for i := 0; i < at; i++ {
		if data[i] == '\n' || data[i] == '\r' && (i+1 >= len(data) || data[i+1] != '\n') {
			line++
		}
	}
	return line
}

// header reads the names.
func (s *scanner) header() error {
	const advice = "its first line must name the columns"
	ok, err := s.next()
	switch {
	case err != nil:
		return err
	case !ok:
		return s.fail(1, advice, "the file is empty")
	case s.blank():
		return s.fail(1, advice, "the first line is blank")
	}
	first := map[string]int{}
	for i, f := range s.fields {
		name := strings.TrimSpace(strings.ReplaceAll(string(f.raw), `""`, `"`))
		switch low := strings.ToLower(name); {
		case name == "":
			return s.fail(1, "name every column in the first line", "column %d has no name", i+1)
		case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
			return s.fail(1, "", "the name of column %d holds a control character: %q", i+1, name)
		case first[low] > 0:
			return s.fail(1, "names are compared without case; rename one of them", "columns %d and %d are both named %s", first[low], i+1, name)
		default:
			first[low] = i + 1
		}
		s.file.Columns = append(s.file.Columns, Column{Name: name})
	}
	return nil
}

// records reads the rest.
func (s *scanner) records() error {
	kinds := make([]kind, len(s.file.Columns))
	for {
		line, start := s.line, s.at
		ok, err := s.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if len(kinds) > 1 && s.blank() {
			continue
		}
		if len(s.fields) != len(kinds) {
			return s.ragged(line)
		}
		s.file.Records++
		s.file.Longest = max(s.file.Longest, s.at-start)
		s.file.Multiline = s.file.Multiline || s.line > line+1
		if s.file.Line(s.file.Records) != line {
			s.file.lines = append(s.file.lines, jump{s.file.Records, line})
		}
		for i := range kinds {
			kinds[i].see(s.fields[i].raw)
		}
		if s.record != nil {
			s.values = s.values[:0]
			for _, f := range s.fields {
				s.values = append(s.values, f.value())
			}
			s.record(s.values)
		}
	}
	for i := range kinds {
		s.file.Columns[i].Type = kinds[i].typ()
	}
	return nil
}

func (s *scanner) blank() bool {
	return len(s.fields) == 1 && !s.fields[0].quoted && len(s.fields[0].raw) == 0
}

func (s *scanner) ragged(line int) error {
	want, got := len(s.file.Columns), len(s.fields)
	advice := "put a value that holds the delimiter in double quotes"
	if got < want {
		advice = "a missing value is an empty one: the delimiters must be there"
	}
	return s.fail(line, advice, "this row has %s, the header %d", counted(got), want)
}

func counted(n int) string {
	if n == 1 {
		return "1 field"
	}
	return fmt.Sprintf("%d fields", n)
}

// next reads a record into s.fields; false at the end of the file.
func (s *scanner) next() (bool, error) {
	s.fields = s.fields[:0]
	if s.at >= len(s.data) {
		return false, nil
	}
	for {
		more, err := s.field()
		if err != nil {
			return false, err
		}
		if !more {
			return true, nil
		}
	}
}

// field reads one field and what ends it; more says that another follows in
// the same record.
func (s *scanner) field() (more bool, err error) {
	if s.opensQuote() {
		if err := s.inQuotes(); err != nil {
			return false, err
		}
	} else {
		from := s.at
		for s.at < len(s.data) && s.data[s.at] != '\n' && s.data[s.at] != '\r' && !s.atDelimiter() {
			s.at++
		}
		s.fields = append(s.fields, field{raw: s.data[from:s.at]})
	}
	switch {
	case s.at >= len(s.data):
		return false, nil
	case s.atDelimiter():
		s.at += len(s.delimiter)
		return true, nil
	case s.lineBreak():
		return false, nil
	}
	return false, s.fail(s.line, `a quote inside quotes is written twice: ""`, "text follows a closing quote")
}

func (s *scanner) atDelimiter() bool {
	return s.data[s.at] == s.delimiter[0] && bytes.HasPrefix(s.data[s.at:], s.delimiter)
}

// lineBreak steps over a line break, if there is one.
func (s *scanner) lineBreak() bool {
	switch {
	case s.data[s.at] == '\n':
	case s.data[s.at] == '\r':
		if s.at+1 < len(s.data) && s.data[s.at+1] == '\n' {
			s.at++
		}
	default:
		return false
	}
	s.at++
	s.line++
	return true
}

// opensQuote steps over blanks before a quote: readers drop them.
func (s *scanner) opensQuote() bool {
	at := s.at
	for at < len(s.data) && s.data[at] == ' ' {
		at++
	}
	if at < len(s.data) && s.data[at] == '"' {
		s.at = at
		return true
	}
	return false
}

// inQuotes reads a field in quotes, up to behind the closing one.
func (s *scanner) inQuotes() error {
	opened := s.line
	s.at++
	from := s.at
	for s.at < len(s.data) {
		switch {
		case s.data[s.at] != '"':
			if !s.lineBreak() {
				s.at++
			}
		case s.at+1 < len(s.data) && s.data[s.at+1] == '"':
			s.at += 2
		default:
			s.fields = append(s.fields, field{raw: s.data[from:s.at], quoted: true})
			for s.at++; s.at < len(s.data) && s.data[s.at] == ' '; s.at++ {
			}
			return nil
		}
	}
	return s.fail(opened, "close it, or write a quote inside quotes twice", "a quote that is opened here is never closed")
}
