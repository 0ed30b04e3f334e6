-- A vote between an image and itself says nothing, and would count as a win and
-- a loss of it.
select *
from {{ ref('stg_vote') }}
where winner_image_sk = loser_image_sk
