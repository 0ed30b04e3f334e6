select id from {{ ref('int_base') }}
