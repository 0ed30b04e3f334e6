{# Dates and times. #}

{% macro current_timestamp() %}{{ return(adapter.dispatch('current_timestamp', 'dbt')()) }}{% endmacro %}
{% macro default__current_timestamp() -%}now(){%- endmacro %}
{% macro trino__current_timestamp() -%}current_timestamp{%- endmacro %}

{% macro current_timestamp_backcompat() %}{{ return(adapter.dispatch('current_timestamp_backcompat', 'dbt')()) }}{% endmacro %}
{% macro default__current_timestamp_backcompat() %}
    current_timestamp::timestamp
{% endmacro %}
{% macro trino__current_timestamp_backcompat() -%}cast(current_timestamp as {{ type_timestamp() }}){%- endmacro %}

{% macro current_timestamp_in_utc_backcompat() %}{{ return(adapter.dispatch('current_timestamp_in_utc_backcompat', 'dbt')()) }}{% endmacro %}
{% macro default__current_timestamp_in_utc_backcompat() %}{{ return(adapter.dispatch('current_timestamp_backcompat', 'dbt')()) }}{% endmacro %}

{% macro snapshot_get_time() %}{{ return(adapter.dispatch('snapshot_get_time', 'dbt')()) }}{% endmacro %}
{% macro default__snapshot_get_time() -%}{{ current_timestamp() }}{%- endmacro %}
{% macro duckdb__snapshot_get_time() -%}{{ current_timestamp() }}::timestamp{%- endmacro %}

{% macro date(year, month, day) %}{{ return(adapter.dispatch('date', 'dbt')(year, month, day)) }}{% endmacro %}
{% macro default__date(year, month, day) -%}
{%- set day_of = modules.datetime.date(year, month, day) -%}
to_date('{{ day_of }}', 'YYYY-MM-DD')
{%- endmacro %}
{% macro duckdb__date(year, month, day) -%}make_date({{ year }}, {{ month }}, {{ day }}){%- endmacro %}
{% macro trino__date(year, month, day) -%}
{%- set day_of = modules.datetime.date(year, month, day) -%}
date '{{ day_of }}'
{%- endmacro %}

{% macro date_trunc(datepart, date) %}{{ return(adapter.dispatch('date_trunc', 'dbt')(datepart, date)) }}{% endmacro %}
{% macro default__date_trunc(datepart, date) -%}date_trunc('{{ datepart }}', {{ date }}){%- endmacro %}

{% macro duckdb__date_trunc(datepart, date) -%}
    date_trunc('{{ datepart }}', {{ dbt._instant(date) }})
{%- endmacro %}

{# A text in quotes has no type yet, and DuckDB does not choose one: with what dbt
   prints of it no query runs. #}
{% macro _instant(value) -%}
{%- if modules.re.match("^\\s*'[^']*'\\s*$", value | string) -%}cast({{ value | trim }} as timestamp){%- else -%}{{ value }}{%- endif -%}
{%- endmacro %}

{% macro dateadd(datepart, interval, from_date_or_timestamp) %}{{ return(adapter.dispatch('dateadd', 'dbt')(datepart, interval, from_date_or_timestamp)) }}{% endmacro %}
{% macro default__dateadd(datepart, interval, from_date_or_timestamp) -%}
dateadd({{ datepart }}, {{ interval }}, {{ from_date_or_timestamp }})
{%- endmacro %}
{# In brackets: what stands behind, ::date, is meant for the whole. The number is
   made whole first, as dbt-duckdb has it: 1.5 days are two. #}
{% macro duckdb__dateadd(datepart, interval, from_date_or_timestamp) %}

    {% set unit = datepart | lower -%}
    {%- set times, unit = {'quarter': [3, 'month'], 'week': [7, 'day']}.get(unit, [none, unit]) -%}
    {%- set count = 'cast(' ~ interval ~ ' as bigint)' -%}
    ({{ dbt._instant(from_date_or_timestamp) }} + {{ '(' ~ count ~ ' * ' ~ times ~ ')' if times else count }} * interval 1 {{ unit }})
{%- endmacro %}
{% macro trino__dateadd(datepart, interval, from_date_or_timestamp) -%}
date_add('{{ datepart }}', {{ interval }}, {{ from_date_or_timestamp }})
{%- endmacro %}

{% macro datediff(first_date, second_date, datepart) %}{{ return(adapter.dispatch('datediff', 'dbt')(first_date, second_date, datepart)) }}{% endmacro %}
{% macro default__datediff(first_date, second_date, datepart) -%}
datediff({{ datepart }}, {{ first_date }}, {{ second_date }})
{%- endmacro %}
{# DuckDB's own weeks begin on Monday, those of dbt-duckdb on Sunday. #}
{% macro duckdb__datediff(first_date, second_date, datepart) -%}
{% if datepart == 'week' %}
            ({{ datediff(first_date, second_date, 'day') }} // 7 + case
            when date_part('dow', ({{ first_date }})::timestamp) <= date_part('dow', ({{ second_date }})::timestamp) then
                case when {{ first_date }} <= {{ second_date }} then 0 else -1 end
            else
                case when {{ first_date }} <= {{ second_date }} then 1 else 0 end
        end)
    {% else %}
        (date_diff('{{ datepart }}', {{ first_date }}::timestamp, {{ second_date }}::timestamp ))
    {% endif %}
{%- endmacro %}
{% macro trino__datediff(first_date, second_date, datepart) -%}
date_diff('{{ datepart }}', date_trunc('{{ datepart }}', cast({{ first_date }} as timestamp)), date_trunc('{{ datepart }}', cast({{ second_date }} as timestamp)))
{%- endmacro %}

{% macro last_day(date, datepart) %}{{ return(adapter.dispatch('last_day', 'dbt')(date, datepart)) }}{% endmacro %}
{% macro default_last_day(date, datepart) -%}
{{ dbt._day_before(dbt.dateadd(datepart, '1', dbt.date_trunc(datepart, date))) }}
{%- endmacro %}
{% macro default__last_day(date, datepart) -%}{{ dbt.default_last_day(date, datepart) }}{%- endmacro %}
{% macro duckdb__last_day(date, datepart) -%}
{%- if datepart == 'quarter' -%}
    -- duckdb dateadd does not support quarter interval.
    {{ dbt._day_before(dbt.dateadd('month', '3', dbt.date_trunc(datepart, date))) }}
{%- else -%}
    {{ dbt.default_last_day(date, datepart) }}
{%- endif -%}
{%- endmacro %}
{% macro _day_before(next) -%}
    cast(
        {{ dbt.dateadd('day', '-1', next) }}
        as date)
{%- endmacro %}


{# Numbers from 1 to a bound, one column generated_number. #}
{% macro generate_series(upper_bound) %}{{ return(adapter.dispatch('generate_series', 'dbt')(upper_bound)) }}{% endmacro %}
{% macro default__generate_series(upper_bound) -%}
select n + 1 as generated_number from unnest(range(0, {{ upper_bound }})) as numbers(n)
{%- endmacro %}
{% macro duckdb__generate_series(upper_bound) %}
    select
        generate_series as generated_number
    from generate_series(1, {{ upper_bound }})
{% endmacro %}
{% macro trino__generate_series(upper_bound) -%}
select n as generated_number from unnest(sequence(0, {{ upper_bound }})) as numbers(n) where n > 0
{%- endmacro %}

{# The least number of bits for numbers below a bound. #}
{% macro get_powers_of_two(upper_bound) %}{{ return(adapter.dispatch('get_powers_of_two', 'dbt')(upper_bound)) }}{% endmacro %}
{% macro default__get_powers_of_two(upper_bound) -%}
{%- if upper_bound <= 0 -%}{{ exceptions.raise_compiler_error('upper bound must be positive') }}{%- endif -%}
{%- for bits in range(1, 100) if upper_bound <= 2 ** bits -%}{{ return(bits) }}{%- endfor -%}
{%- endmacro %}

{# How many boundaries lie between two dates: a number that the engine is asked for. #}
{% macro get_intervals_between(start_date, end_date, datepart) %}{{ return(adapter.dispatch('get_intervals_between', 'dbt')(start_date, end_date, datepart)) }}{% endmacro %}
{% macro default__get_intervals_between(start_date, end_date, datepart) -%}
{%- set answer = run_query('select ' ~ dbt.datediff(start_date, end_date, datepart)) -%}
{%- do return(answer.rows[0][0] if execute else 1) -%}
{%- endmacro %}

{# The days of a span as rows, one column date_<datepart>; used by models that
   make a calendar. As many as boundaries lie between start and end. #}
{% macro date_spine(datepart, start_date, end_date) %}{{ return(adapter.dispatch('date_spine', 'dbt')(datepart, start_date, end_date)) }}{% endmacro %}
{% macro default__date_spine(datepart, start_date, end_date) %}
{%- set column = 'date_' ~ datepart %}


    {# dbt has a comment here #}


    with rawdata as (

        {{ dbt.generate_series(dbt.get_intervals_between(start_date, end_date, datepart)) }}

    ),

    all_periods as (

        select (
            {{ dbt.dateadd(datepart, 'row_number() over (order by 1) - 1', start_date) }}
        ) as {{ column }}
        from rawdata

    ),

    filtered as (

        select *
        from all_periods
        where {{ column }} <= {{ end_date }}

    )

    select * from filtered

{% endmacro %}
{% macro trino__date_spine(datepart, start_date, end_date) -%}
select cast(date_{{ datepart }} as timestamp) as date_{{ datepart }}
from (
  select {{ dateadd(datepart, 'n', 'cast(' ~ start_date ~ ' as timestamp)') }} as date_{{ datepart }}
  from unnest(sequence(0, greatest(0, {{ datediff(start_date, end_date, datepart) }}))) as numbers(n)
  where n < {{ datediff(start_date, end_date, datepart) }}
) as spine
where date_{{ datepart }} <= {{ end_date }}
{%- endmacro %}

{# Dates as values of templates. #}
{% macro convert_datetime(date_str, date_fmt) %}{{ return(modules.datetime.datetime.strptime(date_str | trim, date_fmt)) }}{% endmacro %}

{% macro dates_in_range(start_date_str, end_date_str=none, in_fmt='%Y%m%d', out_fmt='%Y%m%d') %}
{%- set first = convert_datetime(start_date_str, in_fmt) -%}
{%- set last = convert_datetime(end_date_str, in_fmt) if end_date_str is not none else first -%}
{%- if last < first -%}{{ exceptions.raise_compiler_error('the start date lies after the end date (' ~ first ~ ', ' ~ last ~ ')') }}{%- endif -%}
{%- set days = [] -%}
{%- for i in range((last - first).days + 1) -%}
  {%- set day = first + modules.datetime.timedelta(days=i) -%}
  {%- do days.append(day.strftime(out_fmt) if out_fmt else day) -%}
{%- endfor -%}
{%- do return(days) -%}
{% endmacro %}

{% macro partition_range(raw_partition_date, date_fmt='%Y%m%d') %}
{%- set ends = (raw_partition_date | string).split(',') -%}
{%- if ends | length > 2 -%}{{ exceptions.raise_compiler_error('partition_range takes a date or two with a comma between them, not ' ~ raw_partition_date) }}{%- endif -%}
{%- do return(dates_in_range(ends[0], ends[1] if ends | length == 2 else none, in_fmt=date_fmt)) -%}
{% endmacro %}

{% macro py_current_timestring() %}{{ return(modules.datetime.datetime.now().strftime('%Y%m%d%H%M%S%f')) }}{% endmacro %}
