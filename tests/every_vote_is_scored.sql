-- Each vote gives one win and one loss. A data test returns the rows that are
-- wrong: here one row with the counts, if they don't match.
with counted as (
    select
        (select count(*) from {{ ref('stg_vote') }}) as votes,
        (select coalesce(sum(wins), 0) from {{ ref('mart_image_preference_score') }}) as wins,
        (select coalesce(sum(losses), 0) from {{ ref('mart_image_preference_score') }}) as losses
)

select votes, wins, losses
from counted
where wins <> votes or losses <> votes
