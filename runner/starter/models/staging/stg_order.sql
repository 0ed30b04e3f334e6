-- Replace this by your own data, e.g. select * from read_csv('orders.csv').
select
    i as order_id,
    i % 7 as customer_id,
    cast('{{ var("first_day") }}' as date) + cast(i % 90 as integer) as ordered_on,
    cast(10 + i % 50 as decimal(10, 2)) as amount
from range(1, 501) as t(i)
