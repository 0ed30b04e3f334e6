{# A quotient that is NULL, not an error, when there is nothing to divide by.
   The cast makes it a division of doubles on every engine: 1 / 2 of two
   integers is 0.5 on some and 0 on others. #}
{% macro safe_ratio(numerator, denominator) -%}
cast({{ numerator }} as double) / nullif({{ denominator }}, 0)
{%- endmacro %}

{# A text as an SQL string. A path may hold a quote; SQL doubles it. #}
{% macro sql_string(text) -%}
'{{ text | replace("'", "''") }}'
{%- endmacro %}

{# A table called integers with the column n: 1, 2, … last. Engines differ in
   how they make rows, so models ask here. This one is DuckDB's. #}
{% macro integers(last) -%}
range(1, {{ last }} + 1) as integers (n)
{%- endmacro %}
