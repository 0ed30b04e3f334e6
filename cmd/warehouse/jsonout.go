package main

import (
	"bytes"
	"encoding/json"
	"io"
	"time"
)

// printJSON writes a value as one JSON document.
func (c *cli) printJSON(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := c.out.Write(c.mask.json(b.Bytes()))
	return err
}

// print writes text to standard output, without secrets.
func (c *cli) print(text string) error {
	_, err := io.WriteString(c.out, c.mask.text(text))
	return err
}

// jsonTime is a time in UTC, or null.
func jsonTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := stamp(t)
	return &s
}

// some makes an empty list of none: [] and not null.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
