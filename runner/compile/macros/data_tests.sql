{# The generic data tests. Each returns failing rows; the tested column
   comes in as text that is ready for SQL. Its values are given another name in
   a subquery first: SQL allows output names in WHERE and GROUP BY, and a tested
   column may well be called n_records. #}

{% test not_null(model, column_name) %}
select *
from {{ model }}
where {{ column_name }} is null
{% endtest %}

{# One row for each repeated value. NULLs do not repeat each other. #}
{% test unique(model, column_name) %}
select unique_field, count(*) as n_records
from (select {{ column_name }} as unique_field from {{ model }}) as tested
where unique_field is not null
group by unique_field
having count(*) > 1
{% endtest %}

{# One row for each value that is not in the list. NULL is not wrong here.
   quote=false: the list holds SQL, not texts. #}
{% test accepted_values(model, column_name, values, quote=true) %}
select value_field, count(*) as n_records
from (select {{ column_name }} as value_field from {{ model }}) as tested
where value_field not in (
{%- for value in values if value is not none -%}
  {%- if quote -%}'{{ value | string | replace("'", "''") }}'{%- else -%}{{ value }}{%- endif -%}
  {%- if not loop.last %}, {% endif -%}
{%- endfor -%}
)
group by value_field
{% endtest %}

{# One row for each row whose value the other relation does not have. #}
{% test relationships(model, column_name, to, field) %}
select child.from_field
from (select {{ column_name }} as from_field from {{ model }}) as child
where child.from_field is not null
  and not exists (
    select 1
    from (select {{ field }} as to_field from {{ to }}) as parent
    where parent.to_field = child.from_field
  )
{% endtest %}

{# One row if a number of the rows moved away from what it is in another run, by
   more than it may. _before holds the rows of that run; none: there is nothing to
   compare with. #}
{% test drift(model, column_name=none, measure=none, relative=none, absolute=none, direction='both', against='published', _before=none) %}
{%- set measures = {
  'row_count': 'count(*)',
  'null_share': 'coalesce(avg(case when ' ~ column_name ~ ' is null then 1.0 else 0.0 end), 0)',
  'mean': 'avg(' ~ column_name ~ ')',
  'sum': 'coalesce(sum(' ~ column_name ~ '), 0)',
  'min': 'min(' ~ column_name ~ ')',
  'max': 'max(' ~ column_name ~ ')',
} -%}
{%- set moved = {'up': 'is_now - was', 'down': 'was - is_now', 'both': 'abs(is_now - was)'}[direction] -%}
{%- if _before is none -%}
select 'nothing to compare with' as measure where 1 = 0
{%- else -%}
select '{{ measure }}' as measure, was, is_now, is_now - was as change, allowed
from (
    select was, is_now, greatest({{ absolute }}, {{ relative }} * abs(was)) as allowed
    from (select cast({{ measures[measure] }} as double) as was from {{ _before }}) as earlier
    cross join (select cast({{ measures[measure] }} as double) as is_now from {{ model }}) as later
) as both_runs
where was is distinct from is_now
  -- To or from NULL, NaN or infinity is a move in every direction. A hair more is
  -- allowed, for what sums of floats are rounded by.
  and (not coalesce(was - was = 0 and is_now - is_now = 0, false) or {{ moved }} > allowed + 1e-12 * abs(was))
{%- endif %}
{% endtest %}

{# What a data test reads: the relation, or its rows that match `where`. The
   line breaks keep a comment at the end of the condition from eating the rest. #}
{% macro get_where_subquery(relation) %}
{{- return(adapter.dispatch('get_where_subquery', 'dbt')(relation)) -}}
{% endmacro %}

{% macro default__get_where_subquery(relation) -%}
{%- set where = config.get('where', '') -%}
{%- if where -%}
  {%- set filtered -%}
(select * from {{ relation }} where (
{{ where }}
)) dbt_subquery
  {%- endset -%}
  {%- do return(filtered) -%}
{%- else -%}
  {%- do return(relation) -%}
{%- endif -%}
{%- endmacro %}

{% macro should_store_failures() %}
{%- set configured = config.get('store_failures') -%}
{{ return(flags.STORE_FAILURES if configured is none else configured) }}
{% endmacro %}
