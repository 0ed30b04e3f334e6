package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"warehouse/runner"
	"warehouse/runner/history"
)

// move shows what a move of the pointer changes, and does it if that is wanted.
func (c *cli) move(ctx context.Context, r *runner.Runner, m *runner.Move, reason, output string) error {
	if err := c.preview(m, output); err != nil {
		return err
	}
	if len(m.Marts) == 0 {
		return c.unmoved(m, output)
	}
	ok, err := c.confirm(ctx, m.Action+" "+seqName(m.Run.Seq)+"?", false)
	if err != nil || !ok {
		if output == "json" {
			if perr := c.printJSON(moveJSON(m, nil)); perr != nil {
				return perr
			}
		}
		return c.notDone(err)
	}
	p, err := r.Move(ctx, m, reason)
	return c.followed(m, p, err, output)
}

// movedNow shows a move that was made without a preview, err being what came of
// it.
func (c *cli) movedNow(m *runner.Move, p history.Publication, err error, output string) error {
	if m == nil {
		return err
	}
	if perr := c.preview(m, output); perr != nil {
		return perr
	}
	if err == nil && p.Seq == 0 {
		return c.unmoved(m, output)
	}
	return c.followed(m, p, err, output)
}

func (c *cli) preview(m *runner.Move, output string) error {
	if output == "json" {
		return nil
	}
	return c.print(moveText(m))
}

// unmoved says that a move changes nothing.
func (c *cli) unmoved(m *runner.Move, output string) error {
	c.log.say("nothing changes: it is live already")
	if output == "json" {
		return c.printJSON(moveJSON(m, nil))
	}
	return nil
}

// followed prints what a move did, and tells what should have followed it and
// failed.
func (c *cli) followed(m *runner.Move, p history.Publication, err error, output string) error {
	var after *runner.AftermathError
	if err != nil && !errors.As(err, &after) {
		return err
	}
	if perr := c.moved(m, p, output); perr != nil {
		return perr
	}
	if err != nil {
		c.log.fail(err)
		return errNo
	}
	return nil
}

// moved prints what a move did.
func (c *cli) moved(m *runner.Move, p history.Publication, output string) error {
	if output == "json" {
		return c.printJSON(moveJSON(m, &p))
	}
	followed := aftermathText(m.After)
	if m.Action == history.Rollback {
		return c.print(fmt.Sprintf("%s is live again (publication %d); undo: warehouse rollback previous\n", seqName(m.Run.Seq), p.Seq) + followed)
	}
	undo := "warehouse rollback"
	if p.Restores != 0 { // rollback would go back from the state that was brought back
		undo += " previous"
	}
	return c.print(fmt.Sprintf("%s published, %s (publication %d); undo: %s\n", seqName(m.Run.Seq), count(len(m.Marts), "mart"), p.Seq, undo) + followed)
}

// moveText is the preview of a move.
func moveText(m *runner.Move) string {
	var b strings.Builder
	verb := "publish"
	if m.Action == history.Rollback {
		verb = "roll back to"
	}
	fmt.Fprintf(&b, "%s %s  %s  %s, started %s UTC\n", verb, seqName(m.Run.Seq), m.Run.ID, m.Run.Status, instant(m.Run.StartedAt))
	if m.Force != "" {
		fmt.Fprintf(&b, "forced: %s\n", clean(m.Force))
	}
	if len(m.Marts) > 0 {
		t := table{head: []string{"mart", "from", "to", "rows", "", "", "columns"}, right: []bool{false, false, false, true, false, true}, indent: "  "}
		for _, mm := range m.Marts {
			t.add(mm.Mart, runName(mm.From), runName(mm.To), rowsText(mm.RowsFrom), "->", rowsText(mm.RowsTo), columnsText(mm))
		}
		b.WriteString(t.String())
	}
	if m.Stay > 0 {
		fmt.Fprintf(&b, "  unchanged: %s\n", count(m.Stay, "mart"))
	}
	return b.String()
}

func runName(r *history.Run) string {
	if r == nil {
		return "-"
	}
	return seqName(r.Seq)
}

func rowsText(n int64) string {
	if n < 0 {
		return "-"
	}
	return thousands(n)
}

// columnsText lists changed columns: +added, -removed, ~retyped.
func columnsText(m runner.MartMove) string {
	var out []string
	for _, c := range m.ColumnsAdded {
		out = append(out, "+"+c)
	}
	for _, c := range m.ColumnsRemoved {
		out = append(out, "-"+c)
	}
	for _, c := range m.ColumnsRetyped {
		out = append(out, "~"+c)
	}
	return strings.Join(out, ", ")
}

type moveDoc struct {
	Action      string     `json:"action"`
	RunID       string     `json:"run_id"`
	Run         string     `json:"run"`
	Done        bool       `json:"done"`
	Publication int64      `json:"publication,omitempty"`
	Marts       []martMove `json:"marts"`
	Stay        int        `json:"unchanged"`
	After       *afterDoc  `json:"after,omitempty"`
}

type martMove struct {
	Mart     string   `json:"mart"`
	From     *string  `json:"from_run_id"`
	To       *string  `json:"to_run_id"`
	RowsFrom *int64   `json:"rows_from"`
	RowsTo   *int64   `json:"rows_to"`
	Added    []string `json:"columns_added"`
	Removed  []string `json:"columns_removed"`
	Retyped  []string `json:"columns_retyped"`
}

// moveJSON is a move; p is nil if it was not done.
func moveJSON(m *runner.Move, p *history.Publication) moveDoc {
	doc := moveDoc{Action: m.Action, RunID: m.Run.ID, Run: seqName(m.Run.Seq), Done: p != nil, Marts: []martMove{}, Stay: m.Stay}
	if p != nil {
		doc.Publication, doc.After = p.Seq, aftermathJSON(m.After)
	}
	for _, mm := range m.Marts {
		d := martMove{Mart: mm.Mart, Added: some(mm.ColumnsAdded), Removed: some(mm.ColumnsRemoved), Retyped: some(mm.ColumnsRetyped)}
		if mm.From != nil {
			d.From = &mm.From.ID
		}
		if mm.To != nil {
			d.To = &mm.To.ID
		}
		if mm.RowsFrom >= 0 {
			d.RowsFrom = &mm.RowsFrom
		}
		if mm.RowsTo >= 0 {
			d.RowsTo = &mm.RowsTo
		}
		doc.Marts = append(doc.Marts, d)
	}
	return doc
}
