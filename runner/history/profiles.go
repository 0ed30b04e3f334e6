package history

import (
	"context"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/mart"
)

// Profile is one row of run_profile: one column of one run of a model, summed
// up. The rows of a run that was published never change, so it is read once,
// when first asked for, and kept. It is told from that of another attempt by
// the checksum of the rows.
type Profile struct {
	RunID    string // the run that wrote the rows
	Model    string
	Checksum string // of the rows, as in run_manifest_model
	Ordinal  int    // 1, 2, 3 … in the order of the columns
	mart.ColumnProfile
}

var profileTable = table[Profile]{name: "run_profile", fields: []field[Profile]{
	{"run_id", runID, func(p *Profile) any { return &p.RunID }},
	{"model", text, func(p *Profile) any { return &p.Model }},
	{"checksum", text, func(p *Profile) any { return &p.Checksum }},
	{"ordinal", number, func(p *Profile) any { return &p.Ordinal }},
	{"column", text, func(p *Profile) any { return &p.Name }},
	{"type", text, func(p *Profile) any { return &p.Type }},
	{"row_count", number, func(p *Profile) any { return &p.Rows }},
	{"nulls", number, func(p *Profile) any { return &p.Nulls }},
	{"distinct_count", count, func(p *Profile) any { return &p.Distinct }},
	{"min", text, func(p *Profile) any { return &p.Min }},
	{"max", text, func(p *Profile) any { return &p.Max }},
	{"mean", real, func(p *Profile) any { return &p.Mean }},
	{"sd", real, func(p *Profile) any { return &p.SD }},
}}

// Profiles returns the kept profiles of some models, each column in its order;
// no models are all. Before the first was kept there are none.
func (r *Register) Profiles(ctx context.Context, c *engine.Conn, models ...string) ([]Profile, error) {
	there, err := r.has(ctx, c, profileTable.name)
	if err != nil || !there {
		return nil, err
	}
	q, args := "SELECT "+profileTable.selectList("")+" FROM "+r.rel(profileTable.name), []any{}
	if len(models) > 0 {
		q += " WHERE model IN (" + strings.Join(repeat("?", len(models)), ", ") + ")"
		for _, m := range models {
			args = append(args, m)
		}
	}
	return profileTable.query(ctx, c, q+" ORDER BY model, run_id, ordinal", args...)
}

// KeepProfiles adds profiles, and makes their table if it is missing.
func (r *Register) KeepProfiles(ctx context.Context, c *engine.Conn, rows []Profile) error {
	d := c.DB().Dialect()
	make := profileTable.create(d, r.relation(profileTable.name))
	return c.Atomic(ctx, func() error {
		if _, err := c.Exec(ctx, make); err != nil {
			return err
		}
		return profileTable.insert(ctx, c, r.relation(profileTable.name), rows)
	})
}

// has says whether a state table is there.
func (r *Register) has(ctx context.Context, c *engine.Conn, name string) (bool, error) {
	var n int64
	err := c.QueryRow(ctx, r.file("has_table"), []any{r.catalog, r.schema, name}, &n)
	return n > 0, err
}
