package seed_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"warehouse/runner/seed"
)

// summary is "name type, …; records".
func summary(f *seed.File) string {
	var cols []string
	for _, c := range f.Columns {
		cols = append(cols, c.Name+" "+string(c.Type))
	}
	return fmt.Sprintf("%s; %d", strings.Join(cols, ", "), f.Records)
}

func TestScan(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"plain", "id,name\n1,a\n2,b\n", "id integer, name text; 2"},
		{"no line break at the end", "id,name\r\n1,a\r\n2,b", "id integer, name text; 2"},
		{"a byte order mark", "\ufeffid\n1\n", "id integer; 1"},
		{"header alone", "a,b\n", "a integer, b integer; 0"},
		{"header without a line break", "a,b", "a integer, b integer; 0"},
		{"blank lines", "a,b\n\n1,2\n\r\n3,4\n\n", "a integer, b integer; 2"},
		{"one column: a blank line is NULL", "a\n1\n\n2\n", "a integer; 3"},
		{"old line ends", "a,b\r1,2\r3,4\r", "a integer, b integer; 2"},
		{"mixed line ends", "a,b\n1,2\r\n3,4\r", "a integer, b integer; 2"},
		{"quotes", "a,b\n\"x, y\",\"he said \"\"no\"\"\"\n\"two\nlines\",3\n", "a text, b text; 2"},
		{"a quoted header", "\"a b\",\"c \"\"d\"\"\"\n1,2\n", `a b integer, c "d" integer; 1`},
		{"blanks around quotes", "a,b\n \"x,y\" ,1\n", "a text, b integer; 1"},
		{"blanks around names", "a, b\n1,2\n", "a integer, b integer; 1"},
		{"NULLs say nothing of the type", "a,b,c\n1,,\"\"\n,2,x\n", "a integer, b integer, c text; 2"},
		{"wide integers", "a,b,c\n2147483647,2147483648,9223372036854775807\n-1,1,0\n", "a integer, b bigint, c bigint; 2"},
		{"identifiers are no numbers", "a,b,c,d,e,f\n007,1_000,+5,2E5,12345678901234567890,-0\n", "a text, b text, c text, d text, e text, f text; 1"},
		{"words are no numbers", "a,b,c,d\nnan,inf,1.2.3,0x10\n", "a text, b text, c text, d text; 1"},
		{"numbers", "a,b,c,d\n1.50,-.5,1e-05,1\n2,3,2.5E10,2.0\n", "a double, b double, c double, d double; 2"},
		{"dates", "a,b,c,d\n2024-02-29,2023-02-29,2024-1-5,SAT\n", "a date, b text, c text, d text; 1"},
		{"times", "a,b,c,d\n2024-02-29 10:00:00,2024-02-29T10:00:00.5+02:00,2024-02-29T10:00Z,2024-02-29 25:00:00\n",
			"a timestamp, b timestamp, c timestamp, d text; 1"},
		{"a blank between, and more than seconds or less: text, as in dbt", "a,b,c,d\n2024-02-29 10:00:00.000,2024-02-29 10:00:00Z,2024-02-29 10:00,2024-02-29T10:00:00.000\n",
			"a text, b text, c text, d timestamp; 1"},
		{"a date and a time are text together", "a\n2024-02-29\n2024-02-29 10:00:00\n", "a text; 2"},
		{"booleans", "a,b,c\ntrue,t,yes\nFALSE,f,no\n", "a boolean, b text, c text; 2"},
		{"a mix is text", "a,b\n1,true\nx,1\n", "a text, b text; 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := seed.Scan(strings.NewReader(c.text), "seeds/t.csv", ",")
			if err != nil {
				t.Fatal(err)
			}
			if got := summary(f); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestScanRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a row too long", "a,b\n1,2\n3,4,5\n", "seeds/t.csv:3: this row has 3 fields, the header 2"},
		{"a row too short", "a,b\n1,2\n3\n", "seeds/t.csv:3: this row has 1 field, the header 2"},
		{"lines inside quotes count", "a,b\n\"1\n\r\n2\",2\n\n3,4,5\n", "seeds/t.csv:6: this row has 3 fields, the header 2"},
		{"no file at all", "", "seeds/t.csv:1: the file is empty"},
		{"a byte order mark alone", "\ufeff", "seeds/t.csv:1: the file is empty"},
		{"no header", "\na,b\n", "seeds/t.csv:1: the first line is blank"},
		{"a nameless column", "a,,c\n1,2,3\n", "seeds/t.csv:1: column 2 has no name"},
		{"a comma too many in the header", "a,b,\n1,2,\n", "seeds/t.csv:1: column 3 has no name"},
		{"two columns of one name", "id,name,ID\n", "seeds/t.csv:1: columns 1 and 3 are both named ID"},
		{"a quote without an end", "a,b\n1,2\n3,\"x\n4,5\n", "seeds/t.csv:3: a quote that is opened here is never closed"},
		{"text behind a quote", "a,b\n1,\"x\"y\n", "seeds/t.csv:2: text follows a closing quote"},
		{"Latin-1", "a,b\n1,Zo\xeb\n", "seeds/t.csv:2: the byte 0xeb is not UTF-8"},
		{"UTF-16", "\xff\xfea\x00", "seeds/t.csv:1: the file is UTF-16, not UTF-8"},
		{"a zero byte", "a\n\x00\n", "seeds/t.csv:2: the file holds a zero byte: it is no CSV file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := seed.Scan(strings.NewReader(c.text), "seeds/t.csv", ",")
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestLine(t *testing.T) {
	f, err := seed.Scan(strings.NewReader("a,b\n1,x\n2,\"y\nz\"\n\n3,x\n4,x\n"), "t.csv", ",")
	if err != nil {
		t.Fatal(err)
	}
	for record, want := range map[int64]int{1: 2, 2: 3, 3: 6, 4: 7} {
		if got := f.Line(record); got != want {
			t.Errorf("record %d is on line %d, not %d", record, got, want)
		}
	}
	if !f.Multiline {
		t.Error("the second record has two lines")
	}
}

func TestDelimiter(t *testing.T) {
	for text, want := range map[string]string{"": ",", ";": ";", `\t`: "\t", "\t": "\t", "¦": "¦"} {
		if got, err := seed.Delimiter(text); err != nil || got != want {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"||", `"`, "\n"} {
		if _, err := seed.Delimiter(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	f, err := seed.Scan(strings.NewReader("a¦b\n1¦2\n"), "t.csv", "¦")
	if err != nil || summary(f) != "a integer, b integer; 1" {
		t.Errorf("%v, %v", f, err)
	}
}

func FuzzScan(f *testing.F) {
	f.Add("a,b\n1,2\n", ",")
	f.Add("a;b\r\n\"x\n\";2\r\n", ";")
	f.Fuzz(func(t *testing.T, text, delimiter string) {
		d, err := seed.Delimiter(delimiter)
		if err != nil {
			return
		}
		file, err := seed.Scan(strings.NewReader(text), "t.csv", d)
		if err != nil {
			return
		}
		last := 1
		for r := int64(1); r <= file.Records; r++ {
			line := file.Line(r)
			if line <= last {
				t.Fatalf("record %d is on line %d, behind line %d", r, line, last)
			}
			last = line
		}
	})
}

func TestEach(t *testing.T) {
	var got []string
	f, err := seed.Each(strings.NewReader("a;b\r\n\"x\"\"y\";1\n\n\"\"; 2 \n"), "s.csv", ";", func(v []string) { got = append(got, strings.Join(v, "|")) })
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{`x"y|1`, "| 2 "}; !slices.Equal(got, want) || f.Records != 2 {
		t.Errorf("got %q, %d records", got, f.Records)
	}
}

func TestInstant(t *testing.T) {
	for value, want := range map[string]string{
		"2026-01-02 03:04":                 "2026-01-02T03:04:00Z",
		" 2026-01-02T03:04:05.123456 ":     "2026-01-02T03:04:05.123456Z",
		"2026-01-02T03:04:05Z":             "2026-01-02T03:04:05Z",
		"2026-01-02 03:04:05+02":           "2026-01-02T01:04:05Z",
		"2026-01-02 03:04:05.5-0330":       "2026-01-02T06:34:05.5Z",
		"2026-01-02 03:04:05.000001+05:45": "2026-01-01T21:19:05.000001Z",
		"2026-01-02":                       "",
	} {
		got, err := seed.Instant(value)
		if text := got.Format(time.RFC3339Nano); (err == nil) != (want != "") || err == nil && text != want {
			t.Errorf("%s: %s, %v; want %s", value, text, err, want)
		}
	}
}
