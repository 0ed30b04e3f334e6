package mart

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
)

// Plan is how a SELECT gets into its table.
type Plan struct {
	Create  *engine.Table   // the table to create; nil if it is there
	Add     []engine.Column // columns to add to it, in order
	Columns []Column        // the SELECT's columns, in its order
	// RunColumn and CreatedColumn as they are stored; CreatedColumn is "" for
	// none.
	RunColumn, CreatedColumn string
	// Key names the stored columns of the key, without the run id; Unique those
	// of Spec.Unique.
	Key, Unique []string
}

// Fit compares the columns of a SELECT with the stored ones (none: the table
// is to be created). Names are compared without case, types as the engine
// writes them. All that is wrong comes back at once, as ColumnErrors.
func Fit(spec Spec, stored []engine.Column, sel []engine.Column) (Plan, error) {
	if spec.Types.RunID == "" {
		return Plan{}, fmt.Errorf("mart: the spec of %s has no types", spec.Table.Name)
	}
	f := &fit{spec: spec, stored: stored, sel: sel, taken: map[string]bool{}}
	for _, c := range stored {
		f.taken[fold(c.Name)] = true
	}
	f.names()
	f.plan.RunColumn = spec.RunColumn
	f.plan.CreatedColumn = spec.CreatedColumn
	if len(stored) > 0 {
		f.own()
	}
	f.columns()
	f.key()
	f.unique()
	if len(stored) > 0 && spec.OnSchemaChange == "fail" {
		f.change()
	}
	if len(f.errs) > 0 {
		return Plan{}, f.errs
	}
	if len(stored) == 0 {
		f.plan.Create, f.plan.Add = f.table(), nil
	}
	return f.plan, nil
}

// Yield leaves the created-at column out, if the spec says that it may, where
// the SELECT returns a column of its name, or where the table stores one as
// another type: there an earlier run's SELECT returned it.
func (s Spec) Yield(stored, sel []engine.Column) Spec {
	if !s.CreatedYields || s.CreatedColumn == "" {
		return s
	}
	taken := func(c engine.Column) bool { return strings.EqualFold(c.Name, s.CreatedColumn) }
	if slices.ContainsFunc(sel, taken) || slices.ContainsFunc(stored, func(c engine.Column) bool { return taken(c) && c.Type != s.Types.Timestamp }) {
		s.CreatedColumn = ""
	}
	return s
}

// CheckColumns looks for two columns of one name in a SELECT that is stored as
// a view. What is wrong comes back as ColumnErrors.
func CheckColumns(sel []engine.Column) error {
	f := &fit{sel: sel}
	f.names()
	f.errs = slices.DeleteFunc(f.errs, func(e *ColumnError) bool { return e.Problem != DuplicateColumn })
	if len(f.errs) > 0 {
		return f.errs
	}
	return nil
}

type fit struct {
	spec        Spec
	stored, sel []engine.Column
	taken       map[string]bool // names of stored and added columns
	plan        Plan
	retyped     []retype
	errs        ColumnErrors
}

// retype is a column whose type the table does not have yet.
type retype struct{ name, from, to string }

func fold(name string) string { return strings.ToLower(name) }

func (f *fit) fail(p Problem, column, advice, format string, args ...any) {
	f.errs = append(f.errs, &ColumnError{Problem: p, Column: column, Msg: fmt.Sprintf(format, args...), Advice: advice})
}

var numbered = regexp.MustCompile(`^(.*)~[0-9]+$`)

// names looks at the names of the SELECT alone.
func (f *fit) names() {
	count := map[string]int{}
	for _, c := range f.sel {
		n := fold(c.Name)
		if count[n]++; count[n] == 2 {
			f.fail(DuplicateColumn, c.Name, "give each column a name of its own with AS",
				"two columns are named %s (names are compared without case)", c.Name)
		}
		if count[n] > 1 {
			continue
		}
		switch {
		case n == fold(f.spec.RunColumn):
			f.fail(RunColumn, c.Name, "leave the column out, or set run_id_column in the model's config to another name",
				"the SELECT returns a column %s, which is where the run id is stored", c.Name)
		case f.spec.CreatedColumn != "" && n == fold(f.spec.CreatedColumn):
			f.fail(CreatedColumn, c.Name, "leave the column out, or set created_at_column in the model's config to another name (or to null)",
				"the SELECT returns a column %s, which is where the time of the run is stored", c.Name)
		case numbered.MatchString(c.Name):
			f.fail(ReservedName, c.Name, "rename it with AS",
				"the column name %s ends in ~ and a number, which is how former types of a column are stored", c.Name)
		}
	}
}

// own finds the run id and created-at columns in the stored table.
func (f *fit) own() {
	i := f.find(f.spec.RunColumn)
	switch {
	case i < 0 && f.stored[0].Type == f.spec.Types.RunID:
		f.fail(RunColumn, f.spec.RunColumn, fmt.Sprintf("set run_id_column: %s, or give the model another alias", f.stored[0].Name),
			"the table %s has no column %s: its runs seem to be told apart by %s", f.spec.Table.Name, f.spec.RunColumn, f.stored[0].Name)
	case i < 0:
		f.fail(RunColumn, f.spec.RunColumn, "give the model another alias, or move the table away",
			"the table %s has no column %s: it is no table of this program", f.spec.Table.Name, f.spec.RunColumn)
	case f.stored[i].Type != f.spec.Types.RunID:
		f.fail(RunColumn, f.spec.RunColumn, "set run_id_column to another name, or give the model another alias",
			"the table %s stores %s as %s; a run id is %s", f.spec.Table.Name, f.stored[i].Name, f.stored[i].Type, f.spec.Types.RunID)
	default:
		f.plan.RunColumn = f.stored[i].Name
	}
	if f.spec.CreatedColumn == "" {
		return
	}
	switch i := f.find(f.spec.CreatedColumn); {
	case i < 0:
		f.add(f.spec.CreatedColumn, f.spec.Types.Timestamp)
	case f.stored[i].Type != f.spec.Types.Timestamp:
		f.fail(CreatedColumn, f.spec.CreatedColumn, "set created_at_column to another name",
			"the table %s stores %s as %s; the time of a run is %s", f.spec.Table.Name, f.stored[i].Name, f.stored[i].Type, f.spec.Types.Timestamp)
	default:
		f.plan.CreatedColumn = f.stored[i].Name
	}
}

func (f *fit) find(name string) int {
	return slices.IndexFunc(f.stored, func(c engine.Column) bool { return strings.EqualFold(c.Name, name) })
}

func (f *fit) add(name, typ string) {
	f.taken[fold(name)] = true
	f.plan.Add = append(f.plan.Add, engine.Column{Name: name, Type: typ})
}

// columns gives each column of the SELECT its stored one.
func (f *fit) columns() {
	for _, c := range f.sel {
		f.plan.Columns = append(f.plan.Columns, Column{Name: c.Name, Type: c.Type, Physical: f.physical(c)})
	}
}

// physical returns the stored column for c: the one of its name and type, or
// the first numbered one of its type, or one to add.
func (f *fit) physical(c engine.Column) string {
	i := f.find(c.Name)
	if i < 0 {
		f.add(c.Name, c.Type)
		return c.Name
	}
	if f.stored[i].Type == c.Type {
		return f.stored[i].Name
	}
	base := f.stored[i].Name
	for n := 2; ; n++ {
		name := fmt.Sprintf("%s~%d", base, n)
		if j := f.find(name); j >= 0 {
			if f.stored[j].Type == c.Type {
				return f.stored[j].Name
			}
			continue
		}
		if f.taken[fold(name)] {
			continue
		}
		f.retyped = append(f.retyped, retype{c.Name, f.stored[i].Type, c.Type})
		f.add(name, c.Type)
		return name
	}
}

// key finds the key's columns in the SELECT.
func (f *fit) key() {
	for _, k := range f.spec.Key {
		i := slices.IndexFunc(f.plan.Columns, func(c Column) bool { return strings.EqualFold(c.Name, k) })
		if i < 0 {
			advice := "add it to the SELECT, or change primary_key"
			if near := diag.Nearest(k, f.selected()); near != "" {
				advice = fmt.Sprintf("did you mean %s?", near)
			}
			f.fail(KeyColumn, k, advice, "the key column %s is not in the SELECT", k)
			continue
		}
		col := f.plan.Columns[i]
		if j := slices.IndexFunc(f.retyped, func(r retype) bool { return r.name == col.Name }); j >= 0 && f.spec.KeyEnforced {
			f.fail(KeyColumn, k, fmt.Sprintf("cast it to %s, or give the model another alias", f.retyped[j].from),
				"the key column %s is now %s; the table enforces its key on %s as %s", k, col.Type, k, f.retyped[j].from)
			continue
		}
		f.plan.Key = append(f.plan.Key, col.Physical)
	}
}

// unique finds the columns that tell rows apart.
func (f *fit) unique() {
	for _, k := range f.spec.Unique {
		i := slices.IndexFunc(f.plan.Columns, func(c Column) bool { return strings.EqualFold(c.Name, k) })
		if i >= 0 {
			f.plan.Unique = append(f.plan.Unique, f.plan.Columns[i].Physical)
			continue
		}
		advice := "add it to the SELECT, or change unique_key"
		if near := diag.Nearest(k, f.selected()); near != "" {
			advice = fmt.Sprintf("did you mean %s?", near)
		}
		f.fail(KeyColumn, k, advice, "the column %s of unique_key is not in the SELECT", k)
	}
}

func (f *fit) selected() []string {
	var names []string
	for _, c := range f.sel {
		names = append(names, c.Name)
	}
	return names
}

// change refuses every difference between the SELECT and the table.
func (f *fit) change() {
	var diff []string
	for _, c := range f.plan.Add {
		if !numbered.MatchString(c.Name) { // those are in retyped
			diff = append(diff, fmt.Sprintf("+ %s %s", c.Name, c.Type))
		}
	}
	for _, r := range f.retyped {
		diff = append(diff, fmt.Sprintf("~ %s %s, was %s", r.name, r.to, r.from))
	}
	for _, c := range f.stored {
		own := strings.EqualFold(c.Name, f.plan.RunColumn) || strings.EqualFold(c.Name, f.plan.CreatedColumn)
		gone := !slices.ContainsFunc(f.sel, func(s engine.Column) bool { return strings.EqualFold(s.Name, c.Name) })
		if !own && gone && !numbered.MatchString(c.Name) {
			diff = append(diff, fmt.Sprintf("- %s %s", c.Name, c.Type))
		}
	}
	if len(diff) == 0 {
		return
	}
	f.fail(SchemaChange, "", "set on_schema_change: evolve, or make the SELECT return the stored columns",
		"the columns of %s changed, and on_schema_change is fail:\n  %s", f.spec.Table.Name, strings.Join(diff, "\n  "))
}

// table is the table to create: the run id first, created-at last.
func (f *fit) table() *engine.Table {
	t := &engine.Table{Relation: f.spec.Table, RunColumn: f.spec.RunColumn}
	t.Columns = append(t.Columns, engine.Column{Name: f.spec.RunColumn, Type: f.spec.Types.RunID})
	for _, c := range f.plan.Columns {
		t.Columns = append(t.Columns, engine.Column{Name: c.Physical, Type: c.Type})
	}
	if f.spec.CreatedColumn != "" {
		t.Columns = append(t.Columns, engine.Column{Name: f.spec.CreatedColumn, Type: f.spec.Types.Timestamp})
	}
	if f.spec.KeyEnforced && len(f.plan.Key) > 0 {
		t.Key = append([]string{f.spec.RunColumn}, f.plan.Key...)
	}
	return t
}

// checksummed returns the stored columns of a run by the lower-cased name that
// the run gave them: the order in which they are hashed.
func checksummed(columns []Column) []engine.Column {
	sorted := slices.SortedFunc(slices.Values(columns), func(a, b Column) int { return cmp.Compare(fold(a.Name), fold(b.Name)) })
	var stored []engine.Column
	for _, c := range sorted {
		stored = append(stored, engine.Column{Name: c.Physical, Type: c.Type})
	}
	return stored
}
