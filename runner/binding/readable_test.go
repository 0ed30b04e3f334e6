package binding_test

import (
	"testing"

	"warehouse/runner/binding"
	"warehouse/runner/engine"
)

// Compiled SQL as another program reads it.
func TestReadable(t *testing.T) {
	shown := func(model string) (engine.Relation, bool) {
		name := map[string]string{"m": "m", "odd one": "odd one", "a": "alias"}[model]
		return engine.Relation{Database: "shop", Schema: "latest", Name: name}, name != ""
	}
	for sql, want := range map[string]string{
		`select * from "memory"."run__ref"."m"`:                              `select * from "shop"."latest"."m"`,
		`select * from "memory"."run__ref"."m" as x, y`:                      `select * from "shop"."latest"."m" as x, y`,
		`select "memory"."run__ref"."m".id from "memory"."run__ref"."m"`:     `select "m"."id" from "shop"."latest"."m"`,
		`select "memory"."run__ref"."m"."id" from x`:                         `select "m"."id" from x`,
		`from "memory"."run__ref"."a" where a.id = 1`:                        `from "shop"."latest"."alias" AS "a" where a.id = 1`,
		`from "memory"."run__ref"."a" b where b.id = 1`:                      `from "shop"."latest"."alias" b where b.id = 1`,
		`from "memory"."run__ref"."odd one"`:                                 `from "shop"."latest"."odd one"`,
		`from "memory"."run__this"."m" where id > 1`:                         `from "shop"."latest"."m" where id > 1`,
		`from "warehouse"."raw"."votes" v`:                                   `from "shop"."raw"."votes" v`,
		`from "memory"."run__ref"."nosuch"`:                                  `from "memory"."run__ref"."nosuch"`,
		`select 'from "memory"."run__ref"."m"' -- "memory"."run__ref"."m"`:   `select 'from "memory"."run__ref"."m"' -- "memory"."run__ref"."m"`,
		`from "other"."raw"."votes" join "memory"."run__ref"."m" using (id)`: `from "other"."raw"."votes" join "shop"."latest"."m" using (id)`,
	} {
		if got := binding.Readable(dialect{}, sql, "shop", shown); got != want {
			t.Errorf("%s\n got %s\nwant %s", sql, got, want)
		}
	}
}
