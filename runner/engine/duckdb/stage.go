package duckdb

import (
	"fmt"
	"regexp"
	"strings"

	"warehouse/runner/engine"
)

var _ engine.Stager = backend{}

// AttachReader waits for nothing: who stages holds the lock already.
func (backend) AttachReader(path, as string) string {
	return "ATTACH " + engine.Literal(path) + " AS " + engine.Ident(as) + " (READ_ONLY)"
}

// exact are the types whose values come out of a Parquet file as they went in.
// HUGEINT does not (Parquet has no such type, and DuckDB writes DOUBLE), and
// nested types may hold one.
var exact = regexp.MustCompile(`^(BOOLEAN|U?(TINYINT|SMALLINT|INTEGER|BIGINT)|FLOAT|DOUBLE|DECIMAL\(\d+,\d+\)|VARCHAR|BLOB|DATE|TIME|TIMESTAMP|TIMESTAMP WITH TIME ZONE|UUID)$`)

// StageRun writes uncompressed: the file is read once, soon. The table gives way
// to a view of the file.
func (d backend) StageRun(in engine.Insert, types []string, file string) ([]string, bool) {
	if strings.ContainsAny(file, "*?[") {
		return nil, false // read_parquet would take it for a pattern
	}
	for _, t := range types {
		if !exact.MatchString(t) {
			return nil, false
		}
	}
	values := []string{d.RunLiteral(in.RunID) + " AS " + engine.Ident(in.RunColumn)}
	shown := []string{column(in.RunColumn, d.Types().RunID)}
	for i, name := range in.Columns {
		values = append(values, fmt.Sprintf("CAST(%s AS %s) AS %s", engine.Ident(name), types[i], engine.Ident(in.Physical[i])))
		shown = append(shown, column(in.Physical[i], types[i]))
	}
	if in.CreatedColumn != "" {
		values = append(values, d.TimeLiteral(in.CreatedAt)+" AS "+engine.Ident(in.CreatedColumn))
		shown = append(shown, column(in.CreatedColumn, d.Types().Timestamp))
	}
	return []string{
		fmt.Sprintf("COPY (SELECT %s\nFROM (\n%s\n) AS q) TO %s (FORMAT parquet, COMPRESSION uncompressed)", strings.Join(values, ", "), in.Select, engine.Literal(file)),
		"DROP TABLE " + in.Table.String(),
		fmt.Sprintf("CREATE VIEW %s AS\nSELECT %s FROM read_parquet(%s, hive_partitioning = false)", in.Table, strings.Join(shown, ", "), engine.Literal(file)),
	}, true
}

func column(name, typ string) string {
	return fmt.Sprintf("CAST(%s AS %s) AS %s", engine.Ident(name), typ, engine.Ident(name))
}
