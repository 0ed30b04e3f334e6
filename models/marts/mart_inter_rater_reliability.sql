{{ config(run_id_column='irr_run_id') }}

-- Do raters agree? One row per metric, over image pairs that two or more raters
-- have rated. A rating says whether the image with the lower id won, so it does
-- not matter in which order a pair was shown.

-- One rating per rater and pair, as both metrics ask: the last, if there are more.
with ratings as (
    select
        least(winner_image_sk, loser_image_sk) as low_image_sk,
        greatest(winner_image_sk, loser_image_sk) as high_image_sk,
        rater_id,
        max_by(case when winner_image_sk < loser_image_sk then 1 else 0 end, vote_id) as low_won
    from {{ ref('stg_vote') }}
    group by 1, 2, 3
),

image_pairs as (
    select
        low_image_sk,
        high_image_sk,
        count(*) as ratings,
        cast(sum(low_won) as bigint) as low_wins,
        cast(sum(1 - low_won) as bigint) as high_wins
    from ratings
    group by 1, 2
    having count(*) >= 2
),

-- Two ratings that differ disagree: a pair of images with 2 low wins and 1 high
-- win has 2 * 1 disagreements. Images with equally many ratings are put together,
-- which leaves only a few quotients to add up below.
pairs_by_size as (
    select
        ratings as size,
        count(*) as image_pairs,
        sum(low_wins) as low_wins,
        sum(high_wins) as high_wins,
        sum(low_wins * high_wins) as disagreements
    from image_pairs
    group by ratings
),

-- m ratings of one image pair make m (m - 1) / 2 pairs of ratings.
-- off_diagonal is the cell (low, high) of Krippendorff's coincidence matrix, in
-- which each disagreement among m ratings counts 1 / (m - 1). The quotients are
-- added as decimals: unlike doubles, they have the same sum in any order.
totals as (
    select
        cast(coalesce(sum(image_pairs), 0) as bigint) as image_pairs,
        cast(coalesce(sum(low_wins), 0) as bigint) as low_wins,
        cast(coalesce(sum(high_wins), 0) as bigint) as high_wins,
        cast(coalesce({{ safe_ratio('sum(image_pairs * size * (size - 1))', '2') }}, 0) as bigint) as rating_pairs,
        cast(coalesce(sum(disagreements), 0) as bigint) as disagreements,
        sum(cast({{ safe_ratio('disagreements', 'size - 1') }} as decimal(38, 12))) as off_diagonal
    from pairs_by_size
)

-- The share of all pairs of ratings of one image pair that agree.
select
    'percent_agreement' as metric,
    {{ safe_ratio('rating_pairs - disagreements', 'rating_pairs') }} as value,
    rating_pairs as n,
    rating_pairs - disagreements as numerator,
    image_pairs,
    low_wins + high_wins as ratings
from totals

union all

-- Agreement beyond chance: 1 is perfect, 0 is what chance gives. With two values
-- alpha = 1 - (n - 1) * o_lh / (n_l * n_h), n being the number of ratings
-- (Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, section A;
-- section C has the matrix for any number of raters). NULL if all ratings are equal.
select
    'krippendorff_alpha' as metric,
    1 - {{ safe_ratio(
        '(low_wins + high_wins - 1) * cast(off_diagonal as double)',
        'low_wins * high_wins'
    ) }} as value,
    image_pairs as n,
    cast(null as bigint) as numerator,
    image_pairs,
    low_wins + high_wins as ratings
from totals
