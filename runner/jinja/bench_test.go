package jinja

import (
	"context"
	"testing"
)

// everyday is a model as people write them: 25 lines, a ref, two vars.
const everyday = `{{ config(materialized='table', tags=['finance']) }}

with orders as (
    select * from {{ ref('stg_orders') }}
),

filtered as (
    select
        order_id,
        customer_id,
        order_date,
        status,
        amount
    from orders
    where order_date >= '{{ var("start_date", "2020-01-01") }}'
      and status != '{{ var("skip_status", "test") }}'
)

select
    customer_id,
    count(*) as orders,
    sum(amount) as revenue,
    max(order_date) as last_order
from filtered
group by customer_id
`

func everydayGlobals() Scope {
	ref := Func{"ref", func(c *Call) (Value, error) { return `"db"."main"."stg_orders"`, nil }}
	vars := Func{"var", func(c *Call) (Value, error) { return c.Args[1], nil }}
	config := Func{"config", func(*Call) (Value, error) { return "", nil }}
	return MapScope{"ref": ref, "var": vars, "config": config}
}

func BenchmarkParseEveryday(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("models/m.sql", everyday); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRenderEveryday(b *testing.B) {
	t, err := Parse("models/m.sql", everyday)
	if err != nil {
		b.Fatal(err)
	}
	o := Options{Globals: everydayGlobals()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Render(context.Background(), o); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRenderMacros calls a macro that returns what another one prints.
func BenchmarkRenderMacros(b *testing.B) {
	lib, err := Parse("macros/cents.sql", `{% macro cents(c, p=2) %}{{ return(cents_(c, p)) }}{% endmacro %}
{% macro cents_(c, p) -%} ({{ c }} / 100)::numeric(16, {{ p }}) {%- endmacro %}`)
	if err != nil {
		b.Fatal(err)
	}
	globals := MapScope{"return": Func{"return", func(c *Call) (Value, error) { return nil, ReturnValue{c.Args[0]} }}}
	for _, m := range lib.Macros() {
		globals[m.Name] = m
	}
	t, err := Parse("m.sql", `select {% for c in ['a', 'b', 'c', 'd'] %}{{ cents(c) }} as {{ c }}{{ ", " if not loop.last }}{% endfor %}`)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Render(context.Background(), Options{Globals: globals}); err != nil {
			b.Fatal(err)
		}
	}
}
