{# Votes for a first build without any data.

   They must be the same on every machine and at every build: random() and the
   engine's own hash() don't promise that. Integer arithmetic does. #}

{# The next number of the generator "MINSTD": x * 48271 mod (2^31 - 1).
   Park, Miller and Stockmeyer, Communications of the ACM 36(7), 1993, p. 108.
   From one seed it is used several times: draw_1, draw_2 of draw_1, … #}
{% macro next_draw(x) -%}
(cast({{ x }} as bigint) * 48271) % 2147483647
{%- endmacro %}

{# The first draw of a row, from its number. Neighbours would give neighbours
   (the generator is linear), so it is squared; below 2^62, it fits a bigint. #}
{% macro first_draw(number, salt) -%}
((cast({{ number }} as bigint) + {{ salt }}) * 48271 % 2147483647)
    * ((cast({{ number }} as bigint) + {{ salt }}) * 48271 % 2147483647) % 2147483647
{%- endmacro %}

{# 200,000 votes of 40 raters: 140,000 pairs of images are shown once, and the
   first 20,000 of them to three more raters, so that agreement can be measured.

   What a rater sees in an image = its quality (0 to 999, the same for all)
   + taste (0 to 500: how this rater likes this kind of image)
   + noise (0 to the rater's own limit, 130 to 1,300: how careless the rater is).
   The image in which more is seen wins. #}
{% macro generated_votes() %}
{% set images = var('generated_images') %}
{% set raters = 40 %}
{% set pairs = 140000 %}
{% set repeated_pairs = 20000 %}
with image_draws as (
    select n as image_sk, {{ first_draw('n', 1000003) }} as draw
    from {{ integers(images) }}
),

images as (
    select
        image_sk,
        draw % 1000 as quality,
        {{ next_draw('draw') }} % 5 as kind
    from image_draws
),

-- The first image, how far from it the second one lies, and who judges.
pair_draws_1 as (
    select n as pair_no, {{ first_draw('n', 2000003) }} as draw_1
    from {{ integers(pairs) }}
),

pair_draws_2 as (
    select pair_no, draw_1, {{ next_draw('draw_1') }} as draw_2
    from pair_draws_1
),

pair_draws_3 as (
    select pair_no, draw_1, draw_2, {{ next_draw('draw_2') }} as draw_3
    from pair_draws_2
),

pairs as (
    select
        pair_no,
        1 + draw_1 % {{ images }} as left_sk,
        -- never the same image: it lies 1 to images - 1 places further on
        1 + (draw_1 % {{ images }} + 1 + draw_2 % {{ images - 1 }}) % {{ images }} as right_sk,
        draw_3 % {{ raters }} as first_rater,
        -- at most 13, so that four raters stay four different ones of 40
        1 + {{ next_draw('draw_3') }} % 13 as rater_step
    from pair_draws_3
),

judgements as (
    select
        pairs.pair_no + (turns.n - 1) * {{ repeated_pairs }}
            + case when turns.n > 1 then {{ pairs - repeated_pairs }} else 0 end as vote_id,
        1 + (pairs.first_rater + (turns.n - 1) * pairs.rater_step) % {{ raters }} as rater_id,
        pairs.left_sk,
        pairs.right_sk
    from pairs
    cross join (select n from {{ integers(4) }}) as turns
    where turns.n = 1 or pairs.pair_no <= {{ repeated_pairs }}
),

judgement_draws as (
    select
        vote_id,
        rater_id,
        left_sk,
        right_sk,
        100 + 30 * (rater_id * rater_id % 41) as noise_limit,
        {{ first_draw('vote_id', 3000003) }} as draw
    from judgements
),

impressions as (
    select
        judgement.vote_id,
        judgement.rater_id,
        judgement.left_sk,
        judgement.right_sk,
        left_image.quality
            + {{ first_draw('judgement.rater_id * 5 + left_image.kind', 4000037) }} % 501
            + judgement.draw % judgement.noise_limit as seen_left,
        right_image.quality
            + {{ first_draw('judgement.rater_id * 5 + right_image.kind', 4000037) }} % 501
            + {{ next_draw('judgement.draw') }} % judgement.noise_limit as seen_right
    from judgement_draws as judgement
    join images as left_image on left_image.image_sk = judgement.left_sk
    join images as right_image on right_image.image_sk = judgement.right_sk
)

select
    vote_id,
    rater_id,
    case when seen_left >= seen_right then left_sk else right_sk end as winner_image_sk,
    case when seen_left >= seen_right then right_sk else left_sk end as loser_image_sk
from impressions
{% endmacro %}
