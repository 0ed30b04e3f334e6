package compile

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pureText are calls of built-in macros that need no database.
var pureText = []string{
	"{{ dbt.dateadd('day', 1, 'x') }}", "{{ dbt.dateadd('day', 1, \"'2024-01-01'\") }}", "{{ dbt.datediff('a', 'b', 'week') }}{{ datediff('a', 'b', 'day') }}",
	"{{ dbt.last_day('d', 'quarter') }}{{ dbt.last_day('d', 'month') }}", "{{ dbt.date_trunc('day', 'd') }}", "{{ dbt.date(2020, 1, 2) }}",
	"{{ dbt.listagg('a', \"', '\", 'order by b', 3) }}{{ listagg('a') }}",
	"{{ dbt.split_part('a', \"'|'\", -1) }}", "{{ dbt.type_numeric() }}{{ dbt.type_string() }}{{ type_int() }}",
	"{{ dbt.array_construct(['1','2']) }}{{ dbt.array_append('a', 1) }}", "{{ dbt.equals('a','b') }}{{ dbt.escape_single_quotes(\"it's\") }}",
	"{{ dbt.concat(['a', \"'-'\"]) }}{{ dbt.hash(dbt.concat(['a'])) }}{{ dbt.safe_cast('a', dbt.type_timestamp()) }}",
	"{{ dbt.any_value('a') }}{{ dbt.bool_or('a') }}{{ dbt.except() }}{{ dbt.intersect() }}{{ dbt.right('a', 2) }}{{ dbt.replace('a', 'b', 'c') }}",
}

// pureTextOfUtils are calls of dbt-utils that need no database.
var pureTextOfUtils = []string{
	"{{ dbt_utils.generate_surrogate_key(['a','b']) }}", "{{ dbt_utils.generate_surrogate_key('a') }}", "{{ dbt_utils.generate_surrogate_key([]) }}",
	"{{ dbt_utils.safe_divide('a','b') }}", "{{ dbt_utils.safe_add(['a','b']) }}{{ dbt_utils.safe_add([]) }}", "{{ dbt_utils.safe_subtract(['a','b','c']) }}",
	"{{ dbt_utils.group_by(3) }}{{ dbt_utils.group_by(n=0) }}", "{{ dbt_utils.width_bucket('x', 0, 10, 5) }}",
	"{{ dbt_utils.haversine_distance('a','b','c','d') }}{{ dbt_utils.haversine_distance(lat1='a',lon1='b',lat2='c',lon2='d',unit='km') }}",
	"{{ dbt_utils.pivot('color', ['red', \"o'neil\", 'b c']) }}",
	"{{ dbt_utils.pivot('color', ['red','blue'], alias=false, agg='max', cmp='>=', prefix='p_', suffix='_s', then_value='v', else_value='null', quote_identifiers=false, distinct=true) }}",
	"{{ dbt_utils.pivot('c', [1, 2.5, true], quote_identifiers=false) }}",
	"{{ dbt_utils.generate_series(5) }}{{ dbt_utils.generate_series(100) }}{{ dbt_utils.get_powers_of_two(33) }}",
	"{{ dbt_utils.get_url_host('u') }}{{ dbt_utils.get_url_path('u') }}{{ dbt_utils.get_url_parameter('u', 'utm') }}",
	"{{ dbt_utils.slugify('Hello World! 1st % of_ THING') }}|{{ dbt_utils.slugify('1abc') }}|{{ dbt_utils.slugify('') }}|{{ dbt_utils.slugify(none) }}",
	"{{ dbt_utils.nullcheck([]) }}", "{{ dbt_utils.deduplicate('rel', 'user_id', 'version desc') }}", "{{ dbt_utils.deduplicate(relation='rel', partition_by='a, b', order_by='c') }}",
	"{{ dbt_utils.get_table_types_sql() }}{{ dbt_utils.get_tables_by_pattern_sql('s%', 't%', database='d') }}{{ dbt_utils.get_tables_by_prefix_sql('s', 't', 'x%', database='d') }}",
	"{% for i in range(3) %}{{ dbt_utils.safe_divide('a' ~ i, 'b') | trim }}{{ ', ' if not loop.last }}{% endfor %}",
}

// Macros print what Python's Jinja2 prints, to the byte: the built-in ones, and
// those of dbt-utils where WAREHOUSE_DBT_UTILS is its folder.
func TestMacrosPrintWhatJinja2Prints(t *testing.T) {
	python := os.Getenv("WAREHOUSE_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import jinja2").Run(); err != nil {
		t.Skipf("no %s with jinja2: %v", python, err)
	}
	packages := map[string][]string{"dbt": {}}
	builtin, err := builtinMacros()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range builtin {
		packages["dbt"] = append(packages["dbt"], f.Source())
	}
	files, cases := contextProject(), pureText
	if utils := os.Getenv("WAREHOUSE_DBT_UTILS"); utils != "" {
		cases = append(cases[:len(cases):len(cases)], pureTextOfUtils...)
		files["packages.yml"] = "packages:\n  - local: " + utils + "\n"
		err := filepath.WalkDir(filepath.Join(utils, "macros"), func(path string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".sql" || strings.Contains(path, "generic_tests") {
				return err
			}
			text, err := os.ReadFile(path)
			packages["dbt_utils"] = append(packages["dbt_utils"], string(text))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	in, err := json.Marshal(map[string]any{"packages": packages, "cases": cases})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/macros.py")
	var says bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &says
	out, err := cmd.Output()
	var want []*string
	if err == nil {
		err = json.Unmarshal(out, &want)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, says.String())
	}
	g, err := compile(t, files, nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	for i, c := range cases {
		r, err := g.RenderText(context.Background(), "select "+c+"|", testBinding())
		switch {
		case err != nil:
			t.Errorf("%s: %s", c, shownErr(err))
		case want[i] == nil:
			t.Errorf("%s: Jinja2 fails\n%s", c, says.String())
		case r.SQL != "select "+*want[i]+"|":
			t.Errorf("%s:\n got %q\nwant %q", c, r.SQL, *want[i])
		}
	}
}
