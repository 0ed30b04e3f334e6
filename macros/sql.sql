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

{# A table called integers with the column n: 1, 2, … last, as bigints. Engines
   differ in how they make rows, so models ask here. #}
{% macro integers(last) -%}
{{ adapter.dispatch('integers')(last) }}
{%- endmacro %}

{% macro default__integers(last) -%}
range(1, {{ last }} + 1) as integers (n)
{%- endmacro %}

{# A sequence of Trino's has 10,000 numbers at most: thousands, and what is in one. #}
{% macro trino__integers(last) -%}
(
    select thousand.n * 1000 + one.n as n
    from unnest(sequence(bigint '0', {{ last // 1000 }})) as thousand (n)
    cross join unnest(sequence(bigint '1', 1000)) as one (n)
    where thousand.n * 1000 + one.n <= {{ last }}
) as integers
{%- endmacro %}

{# The type of a run's id as a value. In an Iceberg table it is text: filters on
   its UUIDs give wrong results (trino#12834). #}
{% macro run_id_type() -%}
{{ adapter.dispatch('run_id_type')() }}
{%- endmacro %}
{% macro default__run_id_type() -%}uuid{%- endmacro %}
{% macro trino__run_id_type() -%}varchar{%- endmacro %}

{# The records of a CSV file. Names and types are given, never guessed, and
   columns are read by their place in the file. #}
{% macro csv_file(path, columns) -%}
{{ adapter.dispatch('csv_file')(path, columns) }}
{%- endmacro %}

{% macro default__csv_file(path, columns) -%}
read_csv(
    {{ sql_string(path) }},
    auto_detect = false,
    header = true,
    delim = ',',
    quote = '"',
    escape = '"',
    columns = {
        {%- for name, type in columns.items() %}
        '{{ name }}': '{{ type }}'{{ ',' if not loop.last }}
        {%- endfor %}
    }
)
{%- endmacro %}

{% macro trino__csv_file(path, columns) -%}
{{ exceptions.raise_compiler_error('Trino reads no files of this machine (' ~ path ~ '): load the file into a table of the catalog, and read it as a source') }}
{%- endmacro %}
