-- One row per vote: a rater saw two images and chose one.
{% if var('votes_csv') %}
-- Names and types are given, never guessed, and columns are read by their place
-- in the file: vote_id, rater_id, winner_image_id, loser_image_id.
select
    vote_id,
    rater_id,
    winner_image_id as winner_image_sk,
    loser_image_id as loser_image_sk
from read_csv(
    {{ sql_string(var('votes_csv')) }},
    auto_detect = false,
    header = true,
    delim = ',',
    quote = '"',
    escape = '"',
    columns = {
        'vote_id': 'bigint',
        'rater_id': 'bigint',
        'winner_image_id': 'bigint',
        'loser_image_id': 'bigint'
    }
)
{% else %}
{{ generated_votes() }}
{% endif %}
