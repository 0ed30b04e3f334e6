package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	textdiff "github.com/rogpeppe/go-internal/diff"

	"warehouse/runner/compile"
	"warehouse/runner/diff"
	"warehouse/runner/history"
	"warehouse/runner/mart"
	"warehouse/runner/sqltext"
)

// WhyKind is a kind of reason why two runs of a mart differ.
type WhyKind string

const (
	WhySQL     WhyKind = "sql"               // its compiled SQL changed
	WhyVars    WhyKind = "vars"              // and so did variables
	WhyRun     WhyKind = "run"               // its SQL prints the run id or the time of the run
	WhyInput   WhyKind = "input"             // a model that it read is another run and differs
	WhySource  WhyKind = "source"            // a source changed
	WhyOutside WhyKind = "outside"           // it reads what is outside history, which may have changed
	WhySelf    WhyKind = "self"              // it builds on its own earlier rows
	WhySetting WhyKind = "setting"           // a setting of the engine changed that shapes what SQL computes
	WhyEmpty   WhyKind = "empty"             // one of the runs was built with --empty
	WhyHook    WhyKind = "hook"              // its post-hook changed its rows
	WhySeed    WhyKind = "seed"              // the seed's file changed
	WhyRandom  WhyKind = "not deterministic" // nothing that is recorded changed
)

// Why is one reason. Those that are not Certain may have changed something, or
// not: the register cannot tell.
type Why struct {
	Kind    WhyKind
	Name    string // the input, source or function
	Text    string // a line for people
	Diff    string // of WhySQL: a unified diff
	Certain bool
}

// memory keeps what was read of the register.
type memory struct {
	s      *session
	runs   map[string]history.Run
	models map[string]map[string]history.ModelRecord
}

func (m *memory) run(ctx context.Context, id string) (history.Run, error) {
	if run, ok := m.runs[id]; ok {
		return run, nil
	}
	run, err := m.s.reg.Run(ctx, m.s.conn, id)
	if m.runs == nil {
		m.runs = map[string]history.Run{}
	}
	if err == nil {
		m.runs[id] = run
	}
	return run, err
}

// model returns a model's record in a run, if there is one.
func (m *memory) model(ctx context.Context, id, name string) (history.ModelRecord, bool, error) {
	if _, ok := m.models[id]; !ok {
		recs, err := m.s.reg.Models(ctx, m.s.conn, id)
		if err != nil {
			return history.ModelRecord{}, false, err
		}
		if m.models == nil {
			m.models = map[string]map[string]history.ModelRecord{}
		}
		m.models[id] = map[string]history.ModelRecord{}
		for _, rec := range recs {
			m.models[id][rec.Model] = rec
		}
	}
	rec, ok := m.models[id][name]
	return rec, ok, nil
}

// why asks the register what changed between two runs of a mart.
func (d *differ) why(ctx context.Context, a, b history.ModelRecord, r *diff.Result) ([]Why, error) {
	out, err := d.whySQL(ctx, a, b)
	if err != nil {
		return nil, err
	}
	inputs, err := d.whyInputs(ctx, a, b)
	if err != nil {
		return nil, err
	}
	out = append(out, inputs...)
	how, err := d.whyHow(ctx, a, b)
	if err != nil {
		return nil, err
	}
	out = append(out, how...)
	switch b.Kind {
	case "seed":
		out = append(out, Why{Kind: WhySeed, Text: "its file changed", Certain: true})
	case "incremental", "snapshot":
		out = append(out, Why{Kind: WhySelf, Text: "it builds on its own earlier rows"})
	}
	if slices.ContainsFunc(out, func(w Why) bool { return w.Certain }) {
		return out, nil
	}
	chance, err := d.whyNothing(ctx, b, r, len(out) > 0)
	return append(out, chance...), err
}

// whySQL compares the compiled SQL.
func (d *differ) whySQL(ctx context.Context, a, b history.ModelRecord) ([]Why, error) {
	if a.CompiledSQL == b.CompiledSQL {
		return nil, nil
	}
	ra, err := d.run(ctx, a.RunID)
	if err != nil {
		return nil, err
	}
	rb, err := d.run(ctx, b.RunID)
	if err != nil {
		return nil, err
	}
	text := unified(a.CompiledSQL, b.CompiledSQL)
	if withoutRun(a.CompiledSQL, ra) == withoutRun(b.CompiledSQL, rb) {
		return []Why{{Kind: WhyRun, Text: "its SQL prints the run id or the time of the run", Diff: text, Certain: true}}, nil
	}
	out := []Why{{Kind: WhySQL, Text: "its SQL changed", Diff: text, Certain: true}}
	if vars := changedVars(ra.Vars, rb.Vars); vars != "" {
		out = append(out, Why{Kind: WhyVars, Text: "variables changed: " + vars})
	}
	return out, nil
}

// withoutRun takes the run id and the time of the run out of a text.
func withoutRun(sql string, run history.Run) string {
	at := run.StartedAt.UTC()
	pairs := []string{run.ID, "{run}"}
	for _, layout := range []string{"2006-01-02 15:04:05.000000", "2006-01-02T15:04:05.000000", time.DateTime, "2006-01-02T15:04:05", time.DateOnly} {
		pairs = append(pairs, at.Format(layout), "{time}")
	}
	return strings.NewReplacer(pairs...).Replace(sql)
}

// unified is a unified diff of two texts, without its heads; "" if they are
// equal.
func unified(a, b string) string {
	line := func(s string) []byte { return []byte(strings.TrimRight(s, "\n") + "\n") }
	out := textdiff.Diff("a", line(a), "b", line(b))
	for range 3 { // diff a b, --- a, +++ b
		_, out, _ = bytes.Cut(out, []byte("\n"))
	}
	return string(out)
}

// changedVars lists the variables whose values differ: "n: 0 → 9".
func changedVars(a, b json.RawMessage) string {
	var va, vb map[string]json.RawMessage
	if len(a) > 0 && json.Unmarshal(a, &va) != nil || len(b) > 0 && json.Unmarshal(b, &vb) != nil {
		return ""
	}
	all := maps.Clone(va)
	if all == nil {
		all = map[string]json.RawMessage{}
	}
	maps.Copy(all, vb)
	text := func(v json.RawMessage) string {
		if v == nil {
			return "not given"
		}
		return string(v)
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if x, y := text(va[name]), text(vb[name]); x != y {
			out = append(out, fmt.Sprintf("%s: %s -> %s", name, x, y))
		}
	}
	return strings.Join(out, ", ")
}

// whyInputs compares what both runs read, through views too.
func (d *differ) whyInputs(ctx context.Context, a, b history.ModelRecord) ([]Why, error) {
	var out []Why
	through := throughViews(a) && throughViews(b) // if not, an earlier version wrote them
	for _, id := range slices.Sorted(maps.Keys(b.Inputs)) {
		ib, ia := b.Inputs[id], a.Inputs[id]
		if ia.Name == "" && (ib.Via == "" || ib.RunID != "") {
			continue // the SQL says so
		}
		if ib.RunID == "" {
			out = append(out, whySource(ia, ib)...)
			continue
		}
		what, err := d.inputDiffers(ctx, ia, ib, !through, map[string]bool{})
		if err != nil {
			return nil, err
		}
		if what != "" {
			out = append(out, Why{Kind: WhyInput, Name: ib.Name, Text: what + via(ib), Certain: true})
		}
		files, err := d.whyFiles(ctx, ib)
		if err != nil {
			return nil, err
		}
		out = append(out, files...)
	}
	for _, name := range slices.Sorted(maps.Keys(outsideOf(b.CompiledSQL, d.unheld))) {
		out = append(out, whyOutside(name))
	}
	return out, nil
}

func whyOutside(name string) Why {
	w := Why{Kind: WhyOutside, Name: name, Text: fmt.Sprintf("reads %s, whose rows are outside history", name)}
	if strings.HasPrefix(name, "secret ") {
		w.Text = fmt.Sprintf("prints the %s, whose value is outside history", name)
	}
	return w
}

// whyHow says in what way two runs were not built alike: with --empty, or other
// settings of the engine.
func (d *differ) whyHow(ctx context.Context, a, b history.ModelRecord) (out []Why, err error) {
	var runs [2]history.Run
	for i, rec := range []history.ModelRecord{a, b} {
		if runs[i], err = d.run(ctx, ranIn(rec)); err != nil {
			return nil, err
		}
	}
	if runs[0].Selection.Empty != runs[1].Selection.Empty {
		i := 0
		if runs[1].Selection.Empty {
			i = 1
		}
		out = append(out, Why{Kind: WhyEmpty, Text: fmt.Sprintf("r%d was built with --empty", runs[i].Seq), Certain: true})
	}
	if other := diff.OtherSettings(a.Layout.Settings, b.Layout.Settings); other != "" {
		out = append(out, Why{Kind: WhySetting, Name: other, Text: "the engine's settings changed: " + other})
	}
	switch {
	case a.Layout.Hook != b.Layout.Hook:
		out = append(out, Why{Kind: WhyHook, Text: "its post-hook changed its rows by other statements", Certain: true})
	case a.Layout.Hook != "":
		out = append(out, Why{Kind: WhyHook, Text: "its post-hook changes its rows, and what that reads is outside history"})
	}
	return out, nil
}

func throughViews(rec history.ModelRecord) bool {
	for _, in := range rec.Inputs {
		if in.Via != "" {
			return true
		}
	}
	return false
}

// via says through which view something is read.
func via(in history.Input) string {
	if in.Via == "" {
		return ""
	}
	return ", through the view " + in.Via
}

// whyFiles names the files that an input reads, if it is a view.
func (d *differ) whyFiles(ctx context.Context, in history.Input) ([]Why, error) {
	rec, ok, err := d.model(ctx, in.RunID, in.Name)
	if err != nil || !ok || rec.Kind != "view" {
		return nil, err
	}
	var out []Why
	for _, name := range slices.Sorted(maps.Keys(outsideOf(rec.CompiledSQL, d.unheld))) {
		out = append(out, Why{Kind: WhyOutside, Name: name, Text: fmt.Sprintf("reads %s, whose rows are outside history, through the view %s", name, in.Name)})
	}
	return out, nil
}

func whySource(a, b history.Input) []Why {
	switch {
	case a.Fingerprint == "" || b.Fingerprint == "":
		return []Why{{Kind: WhyOutside, Name: b.Name, Text: fmt.Sprintf("reads source %s, whose rows are outside history", b.Name) + via(b)}}
	case a.Fingerprint != b.Fingerprint:
		return []Why{{Kind: WhySource, Name: b.Name, Text: fmt.Sprintf("source %s changed", b.Name) + via(b), Certain: true}}
	}
	return nil
}

// inputDiffers says how two runs of a model that was read differ; "" if they
// do not. A view model differs by its SQL, or, if deep, by what it read when it
// was made.
func (d *differ) inputDiffers(ctx context.Context, a, b history.Input, deep bool, seen map[string]bool) (string, error) {
	if a.RunID == b.RunID || seen[b.Name] {
		return "", nil
	}
	seen[b.Name] = true
	ra, okA, err := d.model(ctx, a.RunID, a.Name)
	if err != nil {
		return "", err
	}
	rb, okB, err := d.model(ctx, b.RunID, b.Name)
	if err != nil {
		return "", err
	}
	names, err := d.names(ctx, a.RunID, b.RunID)
	if err != nil {
		return "", err
	}
	switch {
	case !okA || !okB:
		return fmt.Sprintf("reads %s, of another run (%s)", b.Name, names), nil
	case rb.Kind != "view" || ra.Kind != "view":
		if equalRows(ra, rb) {
			return "", nil
		}
		return fmt.Sprintf("reads %s, which differs (%s)", b.Name, names), nil
	case ra.CompiledSQL != rb.CompiledSQL:
		return fmt.Sprintf("reads the view %s, whose SQL changed (%s)", b.Name, names), nil
	}
	if !deep {
		return "", nil
	}
	for _, id := range slices.Sorted(maps.Keys(rb.Inputs)) {
		if rb.Inputs[id].RunID == "" || ra.Inputs[id].RunID == "" {
			continue
		}
		what, err := d.inputDiffers(ctx, ra.Inputs[id], rb.Inputs[id], deep, seen)
		if what != "" || err != nil {
			return fmt.Sprintf("%s, through the view %s", what, b.Name), err
		}
	}
	return "", nil
}

func (d *differ) names(ctx context.Context, a, b string) (string, error) {
	ra, err := d.run(ctx, a)
	if err != nil {
		return "", err
	}
	rb, err := d.run(ctx, b)
	return fmt.Sprintf("r%d -> r%d", ra.Seq, rb.Seq), err
}

// equalRows reports that two records are known to be of equal rows.
func equalRows(a, b history.ModelRecord) bool {
	if a.DataRunID != "" && a.DataRunID == b.DataRunID {
		return true
	}
	if a.Checksum == "" || a.Checksum != b.Checksum || a.ChecksumScheme != b.ChecksumScheme || len(a.Layout.Columns) != len(b.Layout.Columns) {
		return false
	}
	types := map[string]string{}
	for _, c := range a.Layout.Columns {
		types[strings.ToLower(c.Name)] = c.Type
	}
	return !slices.ContainsFunc(b.Layout.Columns, func(c mart.Column) bool { return types[strings.ToLower(c.Name)] != c.Type })
}

// whyNothing looks for what makes a query give other rows from equal inputs.
// maybe says that there is another reason, which is not certain.
func (d *differ) whyNothing(ctx context.Context, b history.ModelRecord, r *diff.Result, maybe bool) ([]Why, error) {
	if err := d.learn(ctx); err != nil {
		return nil, err
	}
	unstable, byOrder := calls(b.CompiledSQL, d.funcs), calls(b.CompiledSQL, diff.ByOrder)
	var out []Why
	for _, name := range unstable {
		out = append(out, Why{Kind: WhyRandom, Name: name, Text: fmt.Sprintf("%s gives another value each time", name), Certain: true})
	}
	if len(unstable) > 0 || maybe {
		return out, nil
	}
	switch {
	case r.RoundingOnly > 0 && r.RoundingOnly == r.Changed && r.Added+r.Removed == 0:
		out = append(out, Why{Kind: WhyRandom, Text: "not deterministic: the differences are rounding; floats are added up in another order each time (DECIMAL is stable)"})
	case len(byOrder) > 0:
		out = append(out, Why{Kind: WhyRandom, Name: byOrder[0],
			Text: fmt.Sprintf("not deterministic: %s depends on the order of rows, unless its ORDER BY has no ties", strings.Join(byOrder, ", "))})
	case limited(b.CompiledSQL):
		out = append(out, Why{Kind: WhyRandom, Name: "limit", Text: "not deterministic: which rows LIMIT or a sample keeps depends on their order, unless ORDER BY has no ties"})
	default:
		out = append(out, Why{Kind: WhyRandom, Text: "nothing that is recorded changed: it is not deterministic, or reads what is declared as no source"})
	}
	return out, nil
}

// calls lists the functions of a set that a text calls, each once, as
// "random()"; keywords such as current_date stand without parentheses.
func calls(sql string, set map[string]bool) []string {
	var out []string
	for _, n := range sqltext.Names(sql) {
		last := len(n.Parts) - 1
		name := strings.ToLower(n.Parts[last])
		if !set[name] || n.Quoted[last] {
			continue
		}
		called := strings.HasPrefix(strings.TrimLeft(sql[n.End:], " \t\r\n"), "(")
		switch {
		case called:
			name += "()"
		case last > 0 || !strings.HasPrefix(name, "current_") && !strings.HasPrefix(name, "local"):
			continue // a column
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// limited reports a LIMIT, or a sample.
func limited(sql string) bool {
	return slices.ContainsFunc(sqltext.Names(sql), func(n sqltext.Name) bool {
		word := strings.ToLower(n.Parts[0])
		return len(n.Parts) == 1 && !n.Quoted[0] && (word == "limit" || word == "sample" || word == "tablesample")
	})
}

// learn asks the engine once for the functions that matter to a reason.
func (d *differ) learn(ctx context.Context) (err error) {
	if d.funcs != nil {
		return nil
	}
	if d.unheld, err = diff.Unheld(ctx, d.conn); err == nil {
		d.funcs, err = diff.Unstable(ctx, d.conn)
	}
	return err
}

// outsideOf lists what a query reads that no run holds: functions among unheld,
// with the file if it stands there, and files named in FROM.
func outsideOf(sql string, unheld map[string]bool) map[string]bool {
	out := map[string]bool{}
	for _, name := range calls(sql, unheld) {
		out[name] = true
	}
	for _, name := range compile.SecretsOf(sql) {
		out["secret "+name] = true
	}
	last, before := "", "" // the two tokens before
	for _, t := range sqltext.Scan(sql) {
		if t.Kind == sqltext.Space || t.Kind == sqltext.Comment {
			continue
		}
		text := sql[t.Start:t.End]
		if t.Kind == sqltext.String {
			switch {
			case last == "from" || last == "join":
				out[text] = true
			case last == "(" && unheld[before]:
				delete(out, before+"()")
				out[before+"("+text+")"] = true
			}
		}
		last, before = strings.ToLower(text), last
	}
	return out
}
