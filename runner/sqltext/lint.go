package sqltext

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Partitioned is a table that holds the rows of many runs.
type Partitioned struct {
	Model         string // whose it is
	Schema, Table string
	RunColumn     string
}

// LintOptions say which names of a SQL text are partitioned tables.
type LintOptions struct {
	Catalog string // the database's name
	Schema  string // where names without a schema are looked up
	Tables  []Partitioned
	Grouped bool // a result that is grouped by run id mixes no runs
}

// Rule is what a Finding is about.
type Rule string

// The rules of Lint.
const (
	// UnfilteredRead: a partitioned table is read without being filtered to
	// one run.
	UnfilteredRead Rule = "unfiltered_read"
	// UntypedNull: a column of the result is NULL without a type.
	UntypedNull Rule = "untyped_null"
	// FloatAggregate: a sum or mean of floating point numbers, whose last bits
	// depend on the order in which they are added.
	FloatAggregate Rule = "float_aggregate"
)

// Finding is one thing that Lint found.
type Finding struct {
	Rule       Rule
	Start, End int         // in the text; -1 if the place is not known
	Table      Partitioned // of an UnfilteredRead
	Name       string      // of the column of an UntypedNull, of the function of a FloatAggregate
}

// Lint looks for unfiltered reads and untyped NULLs in the syntax tree of a
// query, which is JSON as DuckDB's json_serialize_sql writes it.
//
// A read is filtered if, of its own SELECT, a condition that every row of it
// has to meet says that its run id column equals one value: a literal, a
// scalar subquery, an expression of such, or a column that does so. WHERE is
// such a condition, and the ON of a join for the sides whose rows it may drop.
// A list of run ids is not one run. A CTE of the table's name is no read.
func Lint(sql string, tree []byte, o LintOptions) ([]Finding, error) {
	var doc struct {
		Statements []struct {
			Node map[string]any `json:"node"`
		} `json:"statements"`
	}
	if err := json.Unmarshal(tree, &doc); err != nil {
		return nil, fmt.Errorf("syntax tree: %w", err)
	}
	l := &linter{sql: sql, o: o}
	for _, s := range doc.Statements {
		l.walk(s.Node, scope{})
		l.nulls(s.Node)
	}
	slices.SortStableFunc(l.found, func(a, b Finding) int { return a.Start - b.Start })
	return l.found, nil
}

type linter struct {
	sql   string
	o     LintOptions
	found []Finding
}

// scope is what names mean at a place: CTEs, and the sources of the SELECTs
// around it, innermost first.
type scope struct {
	ctes    map[string]node // nil value: known, and not looked into
	sources [][]*source
	inner   bool // not the outermost SELECT
}

type node = map[string]any

func (s scope) with(name string, query node) scope {
	ctes := make(map[string]node, len(s.ctes)+1)
	for k, v := range s.ctes {
		ctes[k] = v
	}
	ctes[strings.ToLower(name)] = query
	s.ctes = ctes
	return s
}

func (s scope) inside(sources []*source) scope {
	s.sources = append([][]*source{sources}, s.sources...)
	s.inner = true
	return s
}

// below is the scope of a query whose rows another one reads.
func (s scope) below() scope {
	s.inner = true
	return s
}

// source is one thing in a FROM.
type source struct {
	alias  string
	table  *Partitioned // a read of all runs, unless it is filtered
	start  int
	single bool // every row is of one run
	oneRow bool // a query of one row: each of its columns is one value
	bound  *Partitioned
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func object(v any) node {
	n, _ := v.(node)
	return n
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func (l *linter) location(n node) int {
	if f, ok := n["query_location"].(float64); ok && f >= 0 && f < float64(len(l.sql)) {
		return int(f)
	}
	return -1
}

// walk goes through everything below v.
func (l *linter) walk(v any, sc scope) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			l.walk(e, sc)
		}
	case node:
		sc = l.ctes(v, sc)
		switch text(v["type"]) {
		case "SELECT_NODE":
			l.selectNode(v, sc)
			return
		case "RECURSIVE_CTE_NODE":
			name := text(v["cte_name"])
			l.walk(v["left"], sc.below())
			l.walk(v["right"], sc.below().with(name, nil))
			return
		case "CTE_NODE":
			l.walk(v["query"], sc.below())
			l.walk(v["child"], sc.with(text(v["cte_name"]), object(v["query"])))
			return
		case "BASE_TABLE": // outside of any SELECT
			if s := l.source(v, sc); s.table != nil {
				l.report(s)
			}
			return
		}
		for key, child := range v {
			if key != "cte_map" {
				l.walk(child, sc)
			}
		}
	}
}

// ctes looks into the queries of a WITH list, and returns the scope behind it.
func (l *linter) ctes(n node, sc scope) scope {
	for _, e := range list(object(n["cte_map"])["map"]) {
		name := text(object(e)["key"])
		query := object(object(object(e)["value"])["query"])
		l.walk(query, sc.below())
		sc = sc.with(name, object(query["node"]))
	}
	return sc
}

// selectNode looks at the reads of one SELECT, then into its parts.
func (l *linter) selectNode(n node, sc scope) {
	q := &query{linter: l, sc: sc}
	all := q.from(object(n["from_table"]))
	q.condition(n["where_clause"], all)
	q.condition(n["having"], all)
	q.groupedByRun(n)
	q.solve()
	for _, s := range all {
		if s.table != nil && !s.single {
			l.report(s)
		}
	}
	inner := sc.inside(all)
	for key, child := range n {
		switch key {
		case "cte_map":
		case "from_table":
			l.fromParts(object(child), inner)
		default:
			l.walk(child, inner)
		}
	}
}

// fromParts walks what is inside a FROM, past the tables that were looked at.
func (l *linter) fromParts(n node, sc scope) {
	switch text(n["type"]) {
	case "BASE_TABLE":
	case "JOIN":
		l.fromParts(object(n["left"]), sc)
		l.fromParts(object(n["right"]), sc)
		l.walk(n["condition"], sc)
	default:
		l.walk(map[string]any(n), sc)
	}
}

func (l *linter) report(s *source) {
	f := Finding{Rule: UnfilteredRead, Start: s.start, End: s.start, Table: *s.table}
	if s.start >= 0 {
		if names := Names(l.sql[s.start:]); len(names) > 0 && names[0].Start == 0 {
			f.End = s.start + names[0].End
		}
	}
	l.found = append(l.found, f)
}

// source says what a table in a FROM is.
func (l *linter) source(n node, sc scope) *source {
	catalog, schema, table := text(n["catalog_name"]), text(n["schema_name"]), text(n["table_name"])
	s := &source{alias: text(n["alias"]), start: l.location(n)}
	if s.alias == "" {
		s.alias = table
	}
	if catalog == "" && schema == "" {
		if q, ok := sc.ctes[strings.ToLower(table)]; ok {
			s.oneRow = oneRow(q)
			return s
		}
	}
	l.classify(s, catalog, schema, table)
	return s
}

// classify finds the partitioned table of a name, or the view of one run.
func (l *linter) classify(s *source, catalog, schema, table string) {
	if catalog == "" && strings.EqualFold(schema, l.o.Catalog) {
		catalog, schema = schema, "" // two parts may be a catalog and a table
	}
	if schema == "" {
		schema = l.o.Schema
	}
	here := catalog == "" || strings.EqualFold(catalog, l.o.Catalog)
	for i := range l.o.Tables {
		t := &l.o.Tables[i]
		switch {
		case !strings.EqualFold(t.Table, table) && !strings.EqualFold(t.Model, table):
		case here && strings.EqualFold(t.Table, table) && strings.EqualFold(t.Schema, schema):
			s.table = t
			return
		default:
			s.bound = t // latest.m, a tag's m
		}
	}
}

// query is one SELECT under examination.
type query struct {
	*linter
	sc    scope
	all   []*source
	facts []fact
}

// fact is a condition that rows of some sources have to meet: two expressions
// are equal, or columns of one name.
type fact struct {
	filters     []*source
	left, right any
	using       string
	joined      [2][]*source
}

// from collects the sources of a FROM and the conditions of its joins.
func (q *query) from(n node) []*source {
	switch text(n["type"]) {
	case "BASE_TABLE":
		return q.add(q.source(n, q.sc))
	case "SUBQUERY":
		sub := object(object(n["subquery"])["node"])
		return q.add(&source{alias: text(n["alias"]), oneRow: oneRow(sub)})
	case "TABLE_FUNCTION":
		f := object(n["function"])
		s := &source{alias: text(n["alias"]), start: q.location(f)}
		if args := list(f["children"]); strings.EqualFold(text(f["function_name"]), "query_table") && len(args) > 0 {
			if name := text(object(object(args[0])["value"])["value"]); name != "" {
				q.classify(s, "", "", name)
			}
		}
		return q.add(s)
	case "PIVOT":
		// Of a pivoted table no condition can be asked: it is met by walk.
		return q.add(&source{alias: text(n["alias"])})
	case "JOIN":
		left, right := q.from(object(n["left"])), q.from(object(n["right"]))
		both := slices.Concat(left, right)
		var filters []*source
		switch text(n["join_type"]) {
		case "INNER", "SEMI", "":
			filters = both
		case "LEFT", "ANTI":
			filters = right
		case "RIGHT", "RIGHT_SEMI", "RIGHT_ANTI":
			filters = left
		}
		q.condition(n["condition"], filters)
		for _, c := range list(n["using_columns"]) {
			q.facts = append(q.facts, fact{filters: filters, using: text(c), joined: [2][]*source{left, right}})
		}
		if text(n["ref_type"]) == "NATURAL" {
			for _, s := range both {
				if s.table != nil {
					q.facts = append(q.facts, fact{filters: filters, using: s.table.RunColumn, joined: [2][]*source{left, right}})
				}
			}
		}
		return both
	}
	return nil
}

func (q *query) add(s *source) []*source {
	q.all = append(q.all, s)
	return []*source{s}
}

// condition takes an expression apart at its ANDs.
func (q *query) condition(v any, filters []*source) {
	n := object(v)
	switch text(n["type"]) {
	case "CONJUNCTION_AND":
		for _, c := range list(n["children"]) {
			q.condition(c, filters)
		}
	case "COMPARE_EQUAL", "COMPARE_NOT_DISTINCT_FROM":
		q.facts = append(q.facts, fact{filters: filters, left: n["left"], right: n["right"]})
	case "COMPARE_IN":
		if c := list(n["children"]); len(c) == 2 { // a list of one
			q.facts = append(q.facts, fact{filters: filters, left: c[0], right: c[1]})
		}
	}
}

// solve finds out which sources are filtered to one run: first those that equal
// a value, then those that equal these.
func (q *query) solve() {
	for changed := true; changed; {
		changed = false
		for _, f := range q.facts {
			if f.using != "" {
				changed = q.using(f) || changed
				continue
			}
			changed = q.equal(f, f.left, f.right) || changed
			changed = q.equal(f, f.right, f.left) || changed
		}
	}
}

func (q *query) equal(f fact, column, value any) bool {
	changed := false
	for _, s := range q.runsOf(column) {
		if !s.single && slices.Contains(f.filters, s) && q.oneValue(value, s) {
			s.single, changed = true, true
		}
	}
	return changed
}

func (q *query) using(f fact) bool {
	changed := false
	has := func(s *source) bool {
		return s.table != nil && strings.EqualFold(s.table.RunColumn, f.using) || s.bound != nil && strings.EqualFold(s.bound.RunColumn, f.using)
	}
	one := func(side []*source) bool {
		return slices.ContainsFunc(side, func(s *source) bool { return has(s) && (s.single || s.bound != nil && s.table == nil) })
	}
	for i, side := range f.joined {
		for _, s := range side {
			if s.table != nil && !s.single && has(s) && slices.Contains(f.filters, s) && one(f.joined[1-i]) {
				s.single, changed = true, true
			}
		}
	}
	return changed
}

// runsOf returns the partitioned sources of this SELECT whose run id column an
// expression is.
func (q *query) runsOf(v any) []*source {
	n := uncast(v)
	if text(n["class"]) != "COLUMN_REF" {
		return nil
	}
	alias, column := columnOf(n)
	var out []*source
	for _, s := range q.all {
		if s.table != nil && strings.EqualFold(s.table.RunColumn, column) && (alias == "" || strings.EqualFold(alias, s.alias)) {
			out = append(out, s)
		}
	}
	if alias == "" && len(out) > 1 && !q.joinedUsing(column) {
		return nil // which one is meant only the engine knows; it would refuse
	}
	return out
}

func (q *query) joinedUsing(column string) bool {
	return slices.ContainsFunc(q.facts, func(f fact) bool { return strings.EqualFold(f.using, column) })
}

func uncast(v any) node {
	n := object(v)
	for text(n["class"]) == "CAST" {
		n = object(n["child"])
	}
	return n
}

// columnOf splits a column reference into the name before the last dot, "" if
// there is none, and the column.
func columnOf(n node) (alias, column string) {
	names := list(n["column_names"])
	if len(names) == 0 {
		return "", ""
	}
	if len(names) > 1 {
		alias = text(names[len(names)-2])
	}
	return alias, text(names[len(names)-1])
}

// oneValue says whether an expression is the same for all rows of a source.
func (q *query) oneValue(v any, of *source) bool {
	switch v := v.(type) {
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !q.oneValue(e, of) })
	case node:
		switch text(v["class"]) {
		case "COLUMN_REF":
			return q.oneColumn(v, of)
		case "SUBQUERY":
			return text(v["subquery_type"]) == "SCALAR" && !q.correlated(v["subquery"])
		case "WINDOW", "STAR", "LAMBDA", "POSITIONAL_REFERENCE":
			return false
		}
		for _, child := range v {
			if !q.oneValue(child, of) {
				return false
			}
		}
	}
	return true
}

// oneColumn says whether a column is the run id of a source of one run, or of a
// query of one row.
func (q *query) oneColumn(n node, of *source) bool {
	alias, column := columnOf(n)
	if alias == "" {
		return false
	}
	for _, level := range append([][]*source{q.all}, q.sc.sources...) {
		for _, s := range level {
			if s == of || !strings.EqualFold(s.alias, alias) {
				continue
			}
			isRun := s.table != nil && strings.EqualFold(s.table.RunColumn, column)
			isBound := s.table == nil && s.bound != nil && strings.EqualFold(s.bound.RunColumn, column)
			return s.oneRow || isRun && s.single || isBound
		}
	}
	return false
}

// correlated says whether a subquery names a source of this SELECT.
func (q *query) correlated(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, q.correlated)
	case node:
		if text(v["class"]) == "COLUMN_REF" {
			alias, _ := columnOf(v)
			return alias != "" && slices.ContainsFunc(q.all, func(s *source) bool { return strings.EqualFold(s.alias, alias) }) && !q.shadowed(alias)
		}
		for _, child := range v {
			if q.correlated(child) {
				return true
			}
		}
	}
	return false
}

// shadowed: nothing is known of a subquery's own aliases here, so a name that
// is also a CTE's is taken for that.
func (q *query) shadowed(alias string) bool {
	_, ok := q.sc.ctes[strings.ToLower(alias)]
	return ok
}

// aggregates of one value.
var aggregates = []string{"max", "min", "any_value", "first", "last", "arg_max", "arg_min", "argmax", "argmin", "max_by", "min_by", "arbitrary"}

// oneRow says whether a query has one row at most: LIMIT 1, or aggregates
// without groups.
func oneRow(n node) bool {
	if text(n["type"]) != "SELECT_NODE" {
		return false
	}
	for _, m := range list(n["modifiers"]) {
		if text(object(m)["type"]) == "LIMIT_MODIFIER" {
			if v, ok := object(object(object(m)["limit"])["value"])["value"].(float64); ok && v == 1 {
				return true
			}
		}
	}
	if len(list(n["group_expressions"])) > 0 || len(list(n["select_list"])) == 0 {
		return false
	}
	for _, e := range list(n["select_list"]) {
		f := uncast(e)
		if text(f["class"]) != "FUNCTION" || !slices.Contains(aggregates, strings.ToLower(text(f["function_name"]))) {
			return false
		}
	}
	return true
}

// nulls looks for columns of the result that are NULL without a type. A NULL
// that a set operation puts together with a value has that one's type.
func (l *linter) nulls(n node) {
	columns := l.nullColumns(n)
	for _, c := range columns {
		if c != nil {
			l.found = append(l.found, *c)
		}
	}
}

// nullColumns returns for each column of a query the finding, or nil; nil if
// the columns are not known.
func (l *linter) nullColumns(n node) []*Finding {
	switch text(n["type"]) {
	case "CTE_NODE":
		return l.nullColumns(object(n["child"]))
	case "SET_OPERATION_NODE":
		parts := [][]*Finding{l.nullColumns(object(n["left"])), l.nullColumns(object(n["right"]))}
		for _, c := range list(n["children"]) {
			parts = append(parts, l.nullColumns(object(c)))
		}
		var out []*Finding
		for i, p := range parts {
			if object(n["left"]) == nil && i < 2 {
				continue
			}
			switch {
			case p == nil:
				return nil
			case out == nil:
				out = p
			default:
				for j := range out {
					if j >= len(p) || p[j] == nil {
						out[j] = nil
					}
				}
			}
		}
		return out
	case "SELECT_NODE":
		out := []*Finding{}
		for _, e := range list(n["select_list"]) {
			item := object(e)
			if text(item["class"]) == "STAR" {
				return nil
			}
			value := object(item["value"])
			if text(item["class"]) == "CONSTANT" && value["is_null"] == true && text(object(value["type"])["id"]) == "NULL" {
				at := l.location(item)
				end := at
				if at >= 0 {
					end = min(at+len("null"), len(l.sql))
				}
				name := text(item["alias"])
				if name == "" {
					name = "NULL"
				}
				out = append(out, &Finding{Rule: UntypedNull, Start: at, End: end, Name: name})
			} else {
				out = append(out, nil)
			}
		}
		return out
	}
	return nil
}
