package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"warehouse/runner/artifact"
	"warehouse/runner/engine"
)

// same builds two copies of a dbt project, one with dbt and one with
// warehouse, and compares each relation that dbt made: its columns with their
// types, and its rows with EXCEPT ALL both ways, without the run id and
// created-at.
func same(args []string) error {
	fs := flag.NewFlagSet("same", flag.ContinueOnError)
	dbt := fs.String("dbt", "", "the dbt to compare with: dbt-core with dbt-duckdb")
	project := fs.String("project", "", "a dbt project for duckdb, installed packages included; it stays as it is")
	ours := fs.String("warehouse", "", "the warehouse to compare; empty: build it from here")
	keep := fs.Bool("keep", false, "keep the two copies")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *dbt == "" || *project == "" {
		return errors.New("same needs -dbt, the path of a dbt binary (pip install dbt-core dbt-duckdb), and -project, the path of a project")
	}
	dir, err := scratch(*keep)
	if err != nil {
		return err
	}
	if !*keep {
		defer os.RemoveAll(dir)
	}
	if *ours, err = ourBinary(*ours, dir); err != nil {
		return err
	}
	theirs, mine := filepath.Join(dir, "dbt"), filepath.Join(dir, "warehouse")
	for _, d := range []string{theirs, mine} {
		if err := copyProject(*project, d); err != nil {
			return err
		}
	}
	// A source that is a seed of the same project is no edge to dbt: its seeds
	// go first.
	for _, c := range [][]string{{*dbt, "seed"}, {*dbt, "build"}} {
		if err := must(c, theirs); err != nil {
			return err
		}
	}
	if err := must([]string{*ours, "build"}, mine); err != nil {
		return err
	}
	return compareFiles(theirs, mine)
}

func must(cmd []string, dir string) error {
	c := exec.Command(cmd[0], cmd[1:]...)
	c.Dir, c.Env = dir, peerEnv(dir)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s in %s: %w\n%s", strings.Join(cmd, " "), dir, err, out)
	}
	return nil
}

// compareFiles compares the one database below each of two built projects.
func compareFiles(theirs, mine string) error {
	m, err := artifact.ReadManifest(filepath.Join(theirs, "target", "manifest.json"))
	if err != nil {
		return err
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	theirFile, err := oneDatabase(theirs)
	if err != nil {
		return err
	}
	myFile, err := oneDatabase(mine)
	if err != nil {
		return err
	}
	var relations, differ int
	attached := ""
	for _, id := range slices.Sorted(maps.Keys(m.Nodes)) {
		n := m.Nodes[id]
		if !slices.Contains([]string{"model", "seed", "snapshot"}, n.ResourceType) || n.Config["materialized"] == "ephemeral" {
			continue
		}
		if attached == "" {
			// dbt's views name their catalog: it must have that name.
			attached = n.Database
			for _, q := range []string{
				"ATTACH " + engine.Literal(theirFile) + " AS " + engine.Ident(attached) + " (READ_ONLY)",
				"ATTACH " + engine.Literal(myFile) + " AS warehouse_side (READ_ONLY)",
			} {
				if _, err := db.Exec(q); err != nil {
					return err
				}
			}
		}
		relations++
		a := engine.Relation{Database: n.Database, Schema: n.Schema, Name: n.Alias}
		b := engine.Relation{Database: "warehouse_side", Schema: n.Schema, Name: n.Alias}
		said, ok, err := compareRelation(db, a, b)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		if !ok {
			differ++
		}
		fmt.Printf("%-50s %s\n", strings.TrimPrefix(id, n.ResourceType+"."), said)
	}
	fmt.Printf("%d relations, %d differ\n", relations, differ)
	if relations == 0 || differ > 0 {
		return errors.New("they are not the same")
	}
	return nil
}

// compareRelation says how a relation of dbt's differs from ours.
func compareRelation(db *sql.DB, a, b engine.Relation) (string, bool, error) {
	theirs, err := columns(db, a)
	if err != nil {
		return "", false, err
	}
	mine, err := columns(db, b)
	if err != nil {
		return "", false, err
	}
	mine = slices.DeleteFunc(mine, func(c [2]string) bool { return c[0] == "run_id" || c[0] == "created_at" })
	theirs = slices.DeleteFunc(theirs, func(c [2]string) bool { return c[0] == "run_id" || c[0] == "created_at" })
	if !slices.Equal(theirs, mine) {
		return fmt.Sprintf("DIFFERENT columns: dbt %v, warehouse %v", theirs, mine), false, nil
	}
	names := make([]string, len(mine))
	for i, c := range mine {
		names[i] = engine.Ident(c[0])
	}
	list := strings.Join(names, ", ")
	side := func(r engine.Relation) string {
		return "SELECT " + list + " FROM " + r.String()
	}
	var rows, missing, more int64
	err = db.QueryRowContext(context.Background(), fmt.Sprintf(
		"SELECT (SELECT count(*) FROM (%[1]s)), (SELECT count(*) FROM (%[1]s EXCEPT ALL %[2]s)), (SELECT count(*) FROM (%[2]s EXCEPT ALL %[1]s))",
		side(a), side(b))).Scan(&rows, &missing, &more)
	if err != nil {
		return "", false, err
	}
	if missing+more > 0 {
		return fmt.Sprintf("DIFFERENT: of dbt's %d rows warehouse lacks %d and has %d others", rows, missing, more), false, nil
	}
	return fmt.Sprintf("same %d columns, same %d rows", len(names), rows), true, nil
}

// columns are names and types, in order.
func columns(db *sql.DB, r engine.Relation) ([][2]string, error) {
	rows, err := db.Query("SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index",
		r.Database, r.Schema, r.Name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][2]string
	for rows.Next() {
		var c [2]string
		if err := rows.Scan(&c[0], &c[1]); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	if len(out) == 0 && rows.Err() == nil {
		return nil, fmt.Errorf("there is no relation %s", r)
	}
	return out, rows.Err()
}

// oneDatabase is the database file that a build made in its project.
func oneDatabase(dir string) (string, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && slices.Contains([]string{".duckdb", ".db"}, filepath.Ext(path)) {
			found = append(found, path)
		}
		return err
	})
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%s: one database file was expected, not %v", dir, found)
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

func scratch(keep bool) (string, error) {
	dir, err := os.MkdirTemp("", "warehouse-bench-")
	if err == nil && keep {
		fmt.Println("copies in", dir)
	}
	return dir, err
}

// ourBinary is the warehouse that was asked for, or one built from here.
func ourBinary(asked, dir string) (string, error) {
	if asked != "" {
		return filepath.Abs(asked)
	}
	bin := filepath.Join(dir, "bin-warehouse")
	out, err := exec.Command("go", "build", "-o", bin, "warehouse/cmd/warehouse").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
}

var profileName = regexp.MustCompile(`(?m)^profile:\s*["']?([^"'\s#]+)`)

// copyProject copies a project without what builds left in it. A project
// without profiles.yml gets one, for a database in its folder.
func copyProject(from, to string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	left, err := filepath.Glob(filepath.Join(to, "*.duckdb*"))
	if err != nil {
		return err
	}
	for _, path := range append(left, filepath.Join(to, "target"), filepath.Join(to, "logs")) {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	profiles := filepath.Join(to, "profiles.yml")
	if _, err := os.Stat(profiles); err == nil {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(to, "dbt_project.yml"))
	if err != nil {
		return err
	}
	name := profileName.FindSubmatch(text)
	if name == nil {
		return fmt.Errorf("%s/dbt_project.yml names no profile", from)
	}
	return os.WriteFile(profiles, fmt.Appendf(nil,
		"%s: {target: dev, outputs: {dev: {type: duckdb, path: same.duckdb, threads: 4}}}\n", name[1]), 0o666)
}

// peerEnv is what each side runs in: nobody's profile, no calls home.
func peerEnv(dir string) []string {
	return append(os.Environ(), "DBT_PROFILES_DIR="+dir, "DBT_SEND_ANONYMOUS_USAGE_STATS=false", "DO_NOT_TRACK=1")
}
