-- One row per vote: a rater saw two images and chose one.
{% if var('votes_csv') %}
select
    vote_id,
    rater_id,
    winner_image_id as winner_image_sk,
    loser_image_id as loser_image_sk
from {{ csv_file(var('votes_csv'), {'vote_id': 'bigint', 'rater_id': 'bigint', 'winner_image_id': 'bigint', 'loser_image_id': 'bigint'}) }}
{% else %}
{{ generated_votes() }}
{% endif %}
