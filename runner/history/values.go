package history

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// instant is how a time is written into JSON and digests.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// encode turns a field into a value for the driver; nil is NULL.
func (k kind) encode(p any) (any, error) {
	switch p := p.(type) {
	case *string:
		return nullText(*p), nil
	case *Status:
		return nullText(string(*p)), nil
	case *ModelStatus:
		return nullText(string(*p)), nil
	case *int:
		return k.nullInt(int64(*p)), nil
	case *int64:
		return k.nullInt(*p), nil
	case *time.Time:
		if p.IsZero() {
			return nil, nil
		}
		return p.UTC().Truncate(time.Microsecond), nil
	case *json.RawMessage:
		if len(*p) == 0 {
			return nil, nil
		}
		if !json.Valid(*p) {
			return nil, fmt.Errorf("not JSON: %.80s", *p)
		}
		return clean(string(*p)), nil
	case **string:
		if *p == nil {
			return nil, nil
		}
		return clean(**p), nil
	case **float64:
		if *p == nil {
			return nil, nil
		}
		return **p, nil
	case *Selection: // never NULL
	default:
		if reflect.ValueOf(p).Elem().IsZero() {
			return nil, nil
		}
	}
	b, err := marshal(p)
	if err != nil {
		return nil, err
	}
	return clean(b), nil
}

func (k kind) nullInt(n int64) any {
	if k == some && n == 0 || k == count && n < 0 {
		return nil
	}
	return n
}

func nullText(s string) any {
	if s == "" {
		return nil
	}
	return clean(s)
}

// clean makes a text storable everywhere: valid UTF-8 without the zero
// character.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func marshal(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// cell is a place for one column of a row.
func (k kind) cell() any {
	switch k {
	case number, some, count:
		return new(sql.NullInt64)
	case at:
		return new(sql.NullTime)
	case real:
		return new(sql.NullFloat64)
	}
	return new(sql.NullString)
}

// decode puts a scanned cell into a field.
func (k kind) decode(cell, p any) error {
	switch v := cell.(type) {
	case *sql.NullInt64:
		n := v.Int64
		if !v.Valid && k == count {
			n = -1
		}
		switch p := p.(type) {
		case *int:
			*p = int(n)
		case *int64:
			*p = n
		}
	case *sql.NullTime:
		if v.Valid {
			*(p.(*time.Time)) = v.Time.UTC()
		}
	case *sql.NullFloat64:
		if v.Valid {
			*(p.(**float64)) = &v.Float64
		}
	case *sql.NullString:
		switch p := p.(type) {
		case **string:
			if v.Valid {
				*p = &v.String
			}
		case *string:
			*p = v.String
		case *Status:
			*p = Status(v.String)
		case *ModelStatus:
			*p = ModelStatus(v.String)
		case *json.RawMessage:
			if v.Valid {
				*p = json.RawMessage(v.String)
			}
		default:
			if v.Valid {
				return json.Unmarshal([]byte(v.String), p)
			}
		}
	}
	return nil
}
