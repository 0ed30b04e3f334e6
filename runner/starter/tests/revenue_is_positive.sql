-- A data test returns failing rows: none is a pass.
select * from {{ ref('mart_daily_revenue') }} where revenue <= 0
