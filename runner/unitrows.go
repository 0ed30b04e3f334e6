package runner

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"warehouse/runner/compile"
	"warehouse/runner/engine"
	"warehouse/runner/jinja"
)

// unitRows is a fixture with the columns that it is read as.
type unitRows struct {
	fixture *compile.Fixture
	columns []engine.Column // a column of type "" is nothing but NULL
	cells   []int           // for each, its place in the fixture's rows; -1: NULL
}

// query is the rows as a SELECT: every value stands as text and is cast to its
// column's type.
func (r unitRows) query() string {
	if r.fixture == nil {
		return ""
	}
	list := make([]string, len(r.columns))
	var used []int // indexes of columns that some row has
	for i, col := range r.columns {
		value := "NULL"
		if r.cells[i] >= 0 && len(r.fixture.Rows) > 0 {
			used = append(used, i)
			value = engine.Ident(fmt.Sprintf("v%d", i))
		}
		if col.Type != "" {
			value = fmt.Sprintf("CAST(%s AS %s)", value, col.Type)
		}
		list[i] = value + " AS " + engine.Ident(col.Name)
	}
	sql := "SELECT " + strings.Join(list, ", ")
	switch {
	case len(r.fixture.Rows) == 0:
		return sql + " WHERE false"
	case len(used) == 0: // rows of nothing
		return sql + " FROM (VALUES " + strings.TrimSuffix(strings.Repeat("(1), ", len(r.fixture.Rows)), ", ") + ") AS given_rows(n)"
	}
	names := make([]string, len(used))
	for k, i := range used {
		names[k] = engine.Ident(fmt.Sprintf("v%d", i))
	}
	rows := make([]string, len(r.fixture.Rows))
	for k, row := range r.fixture.Rows {
		cells := make([]string, len(used))
		for j, i := range used {
			cells[j] = cellSQL(row[r.cells[i]], r.columns[i].Type)
		}
		rows[k] = "(" + strings.Join(cells, ", ") + ")"
	}
	return fmt.Sprintf("%s FROM (VALUES %s) AS given_rows(%s)", sql, strings.Join(rows, ", "), strings.Join(names, ", "))
}

// badQuery finds the first row whose value in a column is not of its type.
func (r unitRows) badQuery(column int) string {
	at, typ := r.cells[column], r.columns[column].Type
	if at < 0 || typ == "" {
		return ""
	}
	var rows []string
	for n, row := range r.fixture.Rows {
		if row[at] != nil {
			rows = append(rows, fmt.Sprintf("(%d, %s)", n, cellSQL(row[at], typ)))
		}
	}
	if len(rows) == 0 {
		return ""
	}
	return fmt.Sprintf("SELECT n, v FROM (VALUES %s) AS given_rows(n, v) WHERE TRY_CAST(v AS %s) IS NULL ORDER BY n LIMIT 1", strings.Join(rows, ", "), typ)
}

// cellSQL is a value as text, for a column of a type.
func cellSQL(v jinja.Value, typ string) string {
	switch v := v.(type) {
	case *jinja.Dict, *jinja.List:
		if data, err := json.Marshal(jinja.ToGo(v)); err == nil && strings.EqualFold(typ, "json") {
			return engine.Literal(string(data))
		}
	case nil:
		return "NULL"
	case bool:
		return engine.Literal(strconv.FormatBool(v))
	}
	text := jinja.Str(v)
	if strings.HasPrefix(strings.ToLower(typ), "timestamp") && timeText.MatchString(text) {
		text = strings.Replace(text, "T", " ", 1) // not every engine reads it
	}
	return engine.Literal(text)
}

var (
	wholeText   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	decimalText = regexp.MustCompile(`^-?[0-9]+\.[0-9]+([eE][-+]?[0-9]+)?$`)
	boolText    = regexp.MustCompile(`^(?i:true|false)$`)
	dateText    = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	timeText    = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?$`)
)

// inferType finds a column's type by its values, where nothing says what it is;
// "" if they are all NULL. Values of several types are text, except that whole
// numbers go with decimals, and dates with times.
func inferType(f *compile.Fixture, column int, types engine.Types) string {
	found := ""
	for _, row := range f.Rows {
		if row[column] == nil {
			continue
		}
		t := cmp.Or(cellType(row[column], f.Text), types.Text)
		switch pair := []string{found, t}; {
		case found == "" || found == t:
			found = t
		default:
			slices.Sort(pair)
			switch strings.Join(pair, " ") {
			case "BIGINT INTEGER":
				found = "BIGINT"
			case "DOUBLE INTEGER", "BIGINT DOUBLE":
				found = "DOUBLE"
			case "DATE TIMESTAMP":
				found = "TIMESTAMP"
			default:
				return types.Text
			}
		}
	}
	return found
}

// cellType is the type of one value; "" for text.
func cellType(v jinja.Value, text bool) string {
	switch v := v.(type) {
	case bool:
		return "BOOLEAN"
	case int64:
		if v != int64(int32(v)) {
			return "BIGINT"
		}
		return "INTEGER"
	case *big.Int, float64:
		return "DOUBLE"
	case string:
		switch {
		case dateText.MatchString(v):
			return "DATE"
		case timeText.MatchString(v):
			return "TIMESTAMP"
		case text && boolText.MatchString(v):
			return "BOOLEAN"
		case text && wholeText.MatchString(v):
			if n, err := strconv.ParseInt(v, 10, 32); err == nil && n == int64(int32(n)) {
				return "INTEGER"
			}
			if _, err := strconv.ParseInt(v, 10, 64); err == nil {
				return "BIGINT"
			}
		case text && decimalText.MatchString(v):
			return "DOUBLE"
		}
	}
	return ""
}

// sideBySide lays rows that differ out as a table: an expected row beside the
// actual one that is most like it. Columns in which such a pair differs are
// there twice.
func sideBySide(names []string, different []difference) (heads []string, rows [][]*string) {
	var wanted, actual [][]*string
	for _, d := range different {
		for range min(mostDifferent, max(0, d.wanted-d.actual)) {
			wanted = append(wanted, d.cells)
		}
		for range min(mostDifferent, max(0, d.actual-d.wanted)) {
			actual = append(actual, d.cells)
		}
	}
	type pair struct{ want, is []*string }
	var pairs []pair
	taken := make([]bool, len(actual))
	for _, w := range wanted {
		best, most := -1, -1
		for i, a := range actual {
			if taken[i] {
				continue
			}
			if n := alike(w, a); n > most {
				best, most = i, n
			}
		}
		if best < 0 || most == 0 && len(names) > 1 {
			pairs = append(pairs, pair{want: w})
			continue
		}
		taken[best] = true
		pairs = append(pairs, pair{w, actual[best]})
	}
	for i, a := range actual {
		if !taken[i] {
			pairs = append(pairs, pair{is: a})
		}
	}
	twice := make([]bool, len(names))
	heads = []string{"row"}
	for i, name := range names {
		twice[i] = slices.ContainsFunc(pairs, func(p pair) bool { return p.want != nil && p.is != nil && !sameCell(p.want[i], p.is[i]) })
		if twice[i] {
			heads = append(heads, "expected "+name, "actual "+name)
		} else {
			heads = append(heads, name)
		}
	}
	absent := ""
	for _, p := range pairs {
		kind := "differs"
		switch {
		case p.is == nil:
			kind = "missing"
		case p.want == nil:
			kind = "unexpected"
		}
		row := []*string{&kind}
		for i := range names {
			want, is := &absent, &absent
			if p.want != nil {
				want = p.want[i]
			}
			if p.is != nil {
				is = p.is[i]
			}
			switch {
			case twice[i]:
				row = append(row, want, is)
			case p.want != nil:
				row = append(row, want)
			default:
				row = append(row, is)
			}
		}
		rows = append(rows, row)
	}
	return heads, rows
}

func alike(a, b []*string) int {
	n := 0
	for i := range a {
		if sameCell(a[i], b[i]) {
			n++
		}
	}
	return n
}

func sameCell(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
