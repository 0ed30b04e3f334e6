package binding_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"warehouse/runner/binding"
	"warehouse/runner/engine"
)

func (dialect) TimeLiteral(time.Time) string { return "NOW" }

// TestHooked writes statements on `this` as they are sent. A column that is
// stored under another name makes the second mart.
func TestHooked(t *testing.T) {
	rec := martRecord("m", "r-9")
	rec.Layout.Columns[1].Physical = "v"
	retyped := martRecord("m", "r-9")
	const table, of = `"warehouse"."main"."m"`, `'r-9'::UUID`
	for _, c := range []struct {
		sql, want string // an error if it begins with "!"
		retyped   bool
	}{
		{sql: "select 1", want: "select 1"},
		{sql: "insert into other select 1", want: "insert into other select 1"},
		{sql: "INSERT INTO THIS VALUES (1, (2)), -- a comment, with (\n(3, f(4, 5))", want: "INSERT INTO " + table + ` ("run_id", "created_at", "id", "v") VALUES (` + of + ", NOW, 1, (2)), -- a comment, with (\n(" + of + ", NOW, 3, f(4, 5))"},
		{sql: `insert into THIS ("V", id) values (1, 2)`, want: "INSERT INTO " + table + ` ("run_id", "created_at", "v", "id") values (` + of + ", NOW, 1, 2)"},
		{sql: "insert into THIS (id, v) select 1, 2 -- end", want: "INSERT INTO " + table + ` ("run_id", "created_at", "id", "v") SELECT ` + of + ", NOW, q.* FROM (\nselect 1, 2\n) AS q"},
		{sql: "insert into THIS (select 1, 2)", want: "INSERT INTO " + table + ` ("run_id", "created_at", "id", "v") SELECT ` + of + ", NOW, q.* FROM (\n(select 1, 2)\n) AS q"},
		{sql: "insert into THIS (id, v) values (1, 2)", retyped: true, want: "INSERT INTO " + table + ` ("run_id", "created_at", "id", "v~2") values (` + of + ", NOW, 1, 2)"},
		{sql: "delete from THIS", want: "DELETE FROM " + table + ` AS "m" WHERE "m"."run_id" = ` + of},
		{sql: "delete from THIS where id = 1 or THIS.id = 2", want: "DELETE FROM " + table + ` AS "m" WHERE "m"."run_id" = ` + of + " AND (\nid = 1 or \"m\".\"id\" = 2\n)"},
		{sql: "DELETE FROM THIS AS \"x y\" USING o WHERE o.id = \"x y\".id", want: "DELETE FROM " + table + ` AS "x y" USING o WHERE "x y"."run_id" = ` + of + " AND (\no.id = \"x y\".id\n)"},
		{sql: "update THIS t set v = (select 1 from o where true), id = 2 from o where t.id = o.id", want: "UPDATE " + table + ` AS t set v = (select 1 from o where true), id = 2 from o WHERE t."run_id" = ` + of + " AND (\nt.id = o.id\n)"},
		{sql: "truncate THIS; select 1", want: "DELETE FROM " + table + ` WHERE "m"."run_id" = ` + of + ";\nselect 1"},
		{sql: "insert or ignore into THIS select 1", want: "!cannot be limited"},
		{sql: "insert into THIS values (1, 2) on conflict do nothing", want: "!CONFLICT"},
		{sql: "insert into THIS values (1, 2) returning id", want: "!RETURNING"},
		{sql: "insert into THIS by name select 1 as id", want: "!BY"},
		{sql: "insert into THIS default values", want: "!DEFAULT"},
		{sql: "insert into THIS (run_id, id) select 1, 2", want: "!m has no column run_id"},
		{sql: "merge into THIS using o on true when matched then delete", want: "!cannot be limited"},
		{sql: "update THIS set \"RUN_ID\" = null", want: "!runner's own column"},
		{sql: "update THIS set created_at = null where id = 1", want: "!runner's own column"},
		{sql: "delete from THIS where v = 1", retyped: true, want: "!column v was retyped"},
		{sql: "delete from THIS returning *", want: "!RETURNING"},
	} {
		of := rec
		if c.retyped {
			of = retyped
		}
		h, err := binding.NewHooked(dialect{}, of, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		sql := strings.NewReplacer("THIS", h.This()).Replace(c.sql)
		got, err := h.Rewrite(sql)
		msg, refused := strings.CutPrefix(c.want, "!")
		var amend *binding.AmendError
		switch {
		case refused && (!errors.As(err, &amend) || !strings.Contains(err.Error(), msg)):
			t.Errorf("%s: %q, %v; an error with %q is wanted", c.sql, got, err, msg)
		case !refused && (err != nil || got != c.want):
			t.Errorf("%s:\n%s\n%v; wanted is\n%s", c.sql, got, err, c.want)
		}
		if changed := strings.Contains(got, engine.Ident("warehouse")); changed != (len(h.Changed) == 1) {
			t.Errorf("%s: %q are said to change rows", c.sql, h.Changed)
		}
	}
}
