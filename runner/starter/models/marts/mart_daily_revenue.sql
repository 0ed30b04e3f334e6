-- One row per day. The runner adds the columns run_id and created_at.
select
    ordered_on,
    count(*) as orders,
    sum(amount) as revenue
from {{ ref('stg_order') }}
group by ordered_on
