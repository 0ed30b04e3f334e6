{{ config(tags=['nightly'], meta={'owner': 'ann', 'level': {'tier': 'gold'}, 'pii': true}, unique_key='order_id') }}
select o.*, c.name from {{ ref('stg_orders') }} o left join {{ ref('stg_customers') }} c using (customer_id)
