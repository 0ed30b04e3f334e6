-- A month without a candidate is a hole in the calendar. It is no reason to
-- hold back everything else, so it only warns.
{{ config(severity='warn') }}

select integers.n as month
from {{ integers(12) }}
left join {{ ref('mart_calendar_candidate') }} as candidate on candidate.month = integers.n
where candidate.month is null
