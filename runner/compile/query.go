package compile

import (
	"errors"
	"fmt"

	"warehouse/runner/jinja"
)

// query runs a query of a template. The text then depends on its result.
func (r *render) query(sql string) (*table, error) {
	if !r.execute() {
		return nil, errors.New("there is no database to ask: guard the query with {% if execute %}")
	}
	r.top().usesQuery = true
	f, err := r.fill(sql)
	if err != nil {
		return nil, err
	}
	columns, rows, err := r.b.Query(r.ctx, f.sql)
	if err != nil {
		return nil, err
	}
	return newTable(columns, rows, func(text string) { r.say(text, true) }), nil
}

// statement is {% call statement('name', fetch_result=true) %} SQL {% endcall %}.
// Its result is kept for load_result.
func (r *render) statement(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "statement", "name?", "fetch_result?", "auto_begin?", "language?", "caller?")
	if err != nil {
		return nil, err
	}
	if v[4] == nil {
		return nil, errors.New("statement is written as a block: {% call statement('name') %} SQL {% endcall %}")
	}
	if !r.execute() {
		return "", nil
	}
	text, err := c.CallValue(v[4], nil, nil)
	if err != nil {
		return nil, err
	}
	t, err := r.query(jinja.Str(text))
	if err != nil {
		return nil, err
	}
	if !jinja.Truth(v[1]) {
		t = newTable(nil, nil, func(string) {}) // nobody asked for what it finds
	}
	if v[0] != nil {
		r.keep(jinja.Str(v[0]), "OK", t)
	}
	return "", nil
}

func (r *render) keep(name, response string, t *table) {
	if r.results == nil {
		r.results = map[string]jinja.Value{}
	}
	data := &jinja.List{}
	if t != nil {
		for i := range t.rows {
			data.Items = append(data.Items, t.row(i))
		}
	}
	r.results[name] = dict("response", response, "status", response, "data", data, "table", t)
}

// storeResult is store_result(name, response, agate_table).
func (r *render) storeResult(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "store_result", "name", "response", "agate_table?")
	if err != nil {
		return nil, err
	}
	t, _ := v[2].(*table)
	r.keep(jinja.Str(v[0]), jinja.Str(v[1]), t)
	return "", nil
}

// loadResult is load_result('name'): what a statement found, or None.
func (r *render) loadResult(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "load_result", "name")
	if err != nil {
		return nil, err
	}
	found, ok := r.results[jinja.Str(v[0])]
	if !ok && r.execute() {
		return nil, fmt.Errorf("there is no result '%s': no statement of that name has run", jinja.Str(v[0]))
	}
	return found, nil
}
