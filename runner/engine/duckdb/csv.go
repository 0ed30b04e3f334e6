package duckdb

import (
	"fmt"
	"regexp"
	"strings"

	"warehouse/runner/engine"
)

var _ engine.CSVReader = backend{}

// longestLine is DuckDB's own bound on the bytes of a record.
const longestLine = 2_000_000

// glob escapes what would be a pattern in a path.
var glob = strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]")

// ReadCSV leaves nothing to be detected. The file was checked before, so the
// reader need not be strict: then it takes files whose lines end in two ways.
func (backend) ReadCSV(f engine.CSVFile) string {
	columns := make([]string, len(f.Columns))
	for i, name := range f.Columns {
		columns[i] = engine.Literal(name) + ": 'VARCHAR'"
	}
	more := ""
	if f.Longest > longestLine {
		more += fmt.Sprintf(", max_line_size = %d", f.Longest+1)
	}
	if f.Multiline {
		more += ", parallel = false"
	}
	return fmt.Sprintf(`read_csv(%s, auto_detect = false, header = true, delim = %s, quote = '"', escape = '"', nullstr = '', strict_mode = false%s,
    columns = {%s})`, engine.Literal(glob.Replace(f.Path)), engine.Literal(f.Delimiter), more, strings.Join(columns, ", "))
}

var (
	readCSV   = regexp.MustCompile(`^read_csv\('((?:[^']|'')*)'.* delim = '((?:[^']|'')*)'.*\n\s*columns = \{(.*)\}\)$`)
	csvColumn = regexp.MustCompile(`'((?:[^']|'')*)': 'VARCHAR'`)
	unglob    = strings.NewReplacer("[[]", "[", "[*]", "*", "[?]", "?")
)

// ParseReadCSV reads what ReadCSV wrote.
func (backend) ParseReadCSV(text string) (engine.CSVFile, bool) {
	m := readCSV.FindStringSubmatch(text)
	if m == nil {
		return engine.CSVFile{}, false
	}
	unquote := func(s string) string { return strings.ReplaceAll(s, "''", "'") }
	f := engine.CSVFile{Path: unglob.Replace(unquote(m[1])), Delimiter: unquote(m[2])}
	for _, c := range csvColumn.FindAllStringSubmatch(m[3], -1) {
		f.Columns = append(f.Columns, unquote(c[1]))
	}
	return f, true
}
