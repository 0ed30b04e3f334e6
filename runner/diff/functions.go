package diff

import (
	"context"
	"maps"
	"regexp"
	"strings"

	"warehouse/runner/engine"
)

// Unstable returns the names of the functions that the engine itself says may
// give another value in another query: random, now, uuid, …
func Unstable(ctx context.Context, c *engine.Conn) (map[string]bool, error) {
	if c.DB().Dialect().Name() == "trino" {
		return unstableTrino(ctx, c)
	}
	out := map[string]bool{}
	err := read(ctx, c, "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE stability <> 'CONSISTENT'", func(row []*string) {
		if row[0] != nil && !harmless[*row[0]] {
			out[*row[0]] = true
		}
	})
	if err != nil {
		return nil, err
	}
	// The engine says nothing of its own macros: ago() asks for the time.
	err = read(ctx, c, "SELECT lower(function_name), lower(macro_definition) FROM duckdb_functions() WHERE internal AND macro_definition IS NOT NULL", func(row []*string) {
		if row[0] == nil || row[1] == nil || harmless[*row[0]] {
			return
		}
		for _, word := range words.FindAllString(*row[1], -1) {
			if out[word] || word == "current_timestamp" {
				out[*row[0]] = true
			}
		}
	})
	// Keywords that are no functions.
	for _, name := range []string{"current_timestamp", "localtime", "localtimestamp", "current_time"} {
		out[name] = true
	}
	return out, err
}

var words = regexp.MustCompile(`[a-z_0-9]+`)

// harmless are called unstable and give the same rows all the same.
var harmless = map[string]bool{"error": true, "current_schema": true, "current_schemas": true, "current_database": true, "in_search_path": true,
	"sleep_ms": true, "write_log": true, "sequence": true, "exclude_columns": true}

// ByOrder are functions whose result depends on the order in which rows come,
// unless an ORDER BY without ties says it.
var ByOrder = map[string]bool{"row_number": true, "ntile": true, "lag": true, "lead": true, "first": true, "last": true, "any_value": true,
	"arbitrary": true, "first_value": true, "last_value": true, "nth_value": true, "list": true, "array_agg": true, "string_agg": true,
	"group_concat": true, "listagg": true, "arg_max": true, "arg_min": true, "argmax": true, "argmin": true, "max_by": true, "min_by": true,
	"mode": true, "approx_quantile": true, "reservoir_quantile": true, "approx_top_k": true}

// Unheld returns the names of the functions that read what no run holds, or are
// that themselves: files, settings, what stands in the database beside the
// marts, and the macros that somebody made there.
func Unheld(ctx context.Context, c *engine.Conn) (map[string]bool, error) {
	out := maps.Clone(outside)
	if c.DB().Dialect().Name() == "trino" {
		return out, nil
	}
	q := "SELECT DISTINCT lower(function_name), function_type = 'table' FROM duckdb_functions() WHERE function_type = 'table' OR function_type LIKE '%macro' AND NOT internal"
	err := read(ctx, c, q, func(row []*string) {
		if table := *row[1] == "true"; !table || !pureTables[*row[0]] {
			out[*row[0]] = true
		}
	})
	return out, err
}

// pureTables are the table functions that read nothing but their arguments.
var pureTables = map[string]bool{"range": true, "generate_series": true, "unnest": true, "repeat": true, "repeat_row": true, "json_each": true,
	"json_tree": true, "summary": true, "test_all_types": true, "test_vector_types": true}

var outside = map[string]bool{"read_csv": true, "read_csv_auto": true, "read_parquet": true, "parquet_scan": true, "read_json": true,
	"read_json_auto": true, "read_ndjson": true, "read_ndjson_auto": true, "read_json_objects": true, "read_text": true, "read_blob": true,
	"glob": true, "read_xlsx": true, "sqlite_scan": true, "postgres_scan": true, "postgres_query": true, "mysql_scan": true, "iceberg_scan": true,
	"delta_scan": true, "query_table": true, "query": true, "getenv": true, "getvariable": true, "current_setting": true, "version": true}

// unstableTrino asks a Trino server. It calls those deterministic that are the
// same throughout one query: they stand here.
func unstableTrino(ctx context.Context, c *engine.Conn) (map[string]bool, error) {
	out := map[string]bool{}
	for _, name := range []string{"now", "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "current_timezone",
		"current_user", "random", "rand", "uuid", "shuffle"} {
		out[name] = true
	}
	err := read(ctx, c, "SHOW FUNCTIONS", func(row []*string) {
		if len(row) > 4 && row[0] != nil && row[4] != nil && *row[4] == "false" && !harmless[*row[0]] {
			out[strings.ToLower(*row[0])] = true
		}
	})
	return out, err
}
