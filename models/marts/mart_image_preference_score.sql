{{ config(run_id_column='score_run_id') }}

-- How much each image is preferred. Every image has a row, also without votes.
--
-- The chance that an image wins a vote has a Beta(prior_wins, prior_losses)
-- prior. After its votes it is Beta(a, b), a = prior_wins + wins and
-- b = prior_losses + losses (Gelman et al., Bayesian Data Analysis, 3rd ed.,
-- section 2.4):
--   mean      a / (a + b)
--   variance  mean * (1 - mean) / (a + b + 1)
{% set prior_votes = '(' ~ var('prior_wins') ~ ' + ' ~ var('prior_losses') ~ ')' %}

with ballots as (
    select winner_image_sk as image_sk, 1 as won from {{ ref('stg_vote') }}
    union all
    select loser_image_sk as image_sk, 0 as won from {{ ref('stg_vote') }}
),

-- Sums of integers are exact in any order; a sum of doubles is not, and would
-- make two builds of the same votes differ.
tallies as (
    select
        image_sk,
        count(*) as votes,
        cast(sum(won) as bigint) as wins
    from ballots
    group by image_sk
),

counts as (
    select
        image.image_sk,
        coalesce(tally.votes, 0) as votes,
        coalesce(tally.wins, 0) as wins
    from {{ ref('stg_image') }} as image
    left join tallies as tally on tally.image_sk = image.image_sk
),

posteriors as (
    select
        image_sk,
        votes,
        wins,
        {{ safe_ratio('wins + ' ~ var('prior_wins'), 'votes + ' ~ prior_votes) }} as posterior_mean
    from counts
),

-- 95 % of a normal distribution lies within 1.96 standard deviations.
margins as (
    select
        image_sk,
        votes,
        wins,
        posterior_mean,
        1.959963984540054 * sqrt(
            posterior_mean * (1 - posterior_mean) / (votes + {{ prior_votes }} + 1)
        ) as margin
    from posteriors
)

select
    image_sk,
    votes,
    wins,
    votes - wins as losses,
    posterior_mean,
    -- The normal approximation of the Beta posterior (same book, section 4.1),
    -- cut at 0 and 1. It is rough for images with few votes.
    greatest(posterior_mean - margin, 0.0) as credible_lower,
    least(posterior_mean + margin, 1.0) as credible_upper,
    -- image_sk decides between equals, so that the order is always the same
    row_number() over (order by posterior_mean desc, image_sk) as preference_rank
from margins
