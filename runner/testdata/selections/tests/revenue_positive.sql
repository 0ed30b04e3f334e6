select * from {{ ref('revenue') }} r join {{ ref('stg_customers') }} using (customer_id) where total < 0
