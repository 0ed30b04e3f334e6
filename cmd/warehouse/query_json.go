package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"

	"warehouse/runner/engine"
)

// jsonRows prints an array of objects, one a line, as they come. Numbers and
// booleans are JSON's where JSON has them, JSON columns are embedded, all else
// is the engine's text. Of two columns n the second is n_2.
type jsonRows struct {
	w       *bufio.Writer
	keys    []string // quoted, with their colon
	columns []engine.Column
	n       int
}

func (j *jsonRows) head(columns []engine.Column) error {
	j.columns = columns
	for _, name := range uniqueNames(columnNames(columns)) {
		key, err := jsonText(name)
		if err != nil {
			return err
		}
		j.keys = append(j.keys, key+": ")
	}
	return nil // the bracket comes with the first row: a query may fail before
}

func (j *jsonRows) row(cells []*string) error {
	sep := ",\n  {"
	if j.n == 0 {
		sep = "[\n  {"
	}
	j.n++
	_, _ = j.w.WriteString(sep) // a bufio.Writer keeps its error
	for i, v := range cells {
		if i > 0 {
			_, _ = j.w.WriteString(", ")
		}
		value, err := jsonCell(j.columns[i].Type, v)
		if err != nil {
			return err
		}
		_, _ = j.w.WriteString(j.keys[i] + value)
	}
	return j.w.WriteByte('}')
}

func (j *jsonRows) end() error {
	end := "\n]\n"
	if j.n == 0 {
		end = "[]\n"
	}
	_, err := j.w.WriteString(end)
	return err
}

func jsonCell(typ string, v *string) (string, error) {
	if v == nil {
		return "null", nil
	}
	switch t := strings.ToUpper(typ); {
	case t == "BOOLEAN" && (*v == "true" || *v == "false"):
		return *v, nil
	case isNumber(t) && isJSONNumber(*v):
		return *v, nil
	case t == "JSON" && json.Valid([]byte(*v)):
		var b bytes.Buffer
		if err := json.Compact(&b, []byte(*v)); err == nil {
			return b.String(), nil
		}
	}
	return jsonText(*v)
}

// isJSONNumber: NaN and infinity are none, they are printed as text.
func isJSONNumber(s string) bool {
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s))
}

func jsonText(s string) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(s)
	return strings.TrimSuffix(b.String(), "\n"), err
}
