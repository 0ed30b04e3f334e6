{{ config(run_id_column='candidate_run_id') }}

-- The best images of each month, to choose a calendar from.
with ranked as (
    select
        image.month,
        row_number() over (
            partition by image.month
            order by score.preference_rank
        ) as candidate_rank,
        image.image_sk,
        image.file_name,
        score.posterior_mean,
        score.votes
    from {{ ref('mart_image_preference_score') }} as score
    join {{ ref('stg_image') }} as image on image.image_sk = score.image_sk
)

select
    month,
    candidate_rank,
    image_sk,
    file_name,
    posterior_mean,
    votes,
    -- the run whose scores these are: a ref always reads exactly one run
    cast('{{ run_of('mart_image_preference_score') }}' as {{ run_id_type() }}) as score_run_id
from ranked
where candidate_rank <= {{ var('candidates_per_month') }}
