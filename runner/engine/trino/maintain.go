package trino

import (
	"fmt"
	"strings"

	"warehouse/runner/engine"
)

var (
	_ engine.Maintainer = backend{}
	_ engine.RunCounter = backend{}
)

// CountRuns reads the table's metadata. A reader's session may not scan a table
// without naming a run.
func (backend) CountRuns(table engine.Relation, runColumn string) string {
	table.Name += "$partitions"
	return fmt.Sprintf("SELECT coalesce(CAST(partition.%s AS varchar), 'NULL'), CAST(sum(record_count) AS bigint) FROM %s GROUP BY 1", engine.Ident(strings.ToLower(runColumn)), table)
}

// Expire keeps seven days, the least that servers allow unless their catalog is
// set otherwise. Files that no table knows (remove_orphan_files) are left alone:
// they may be those of a statement that is running.
func (backend) Expire(table engine.Relation) string {
	return fmt.Sprintf("ALTER TABLE %s EXECUTE expire_snapshots(retention_threshold => '7d')", table)
}

func (backend) Merge(table engine.Relation) []string {
	return []string{fmt.Sprintf("ALTER TABLE %s EXECUTE optimize", table), fmt.Sprintf("ALTER TABLE %s EXECUTE optimize_manifests", table)}
}

func (backend) Files(table engine.Relation) string {
	table.Name += "$files"
	return fmt.Sprintf("SELECT count(*), CAST(coalesce(sum(file_size_in_bytes), 0) AS bigint), CAST(coalesce(sum(record_count), 0) AS bigint) FROM %s", table)
}
