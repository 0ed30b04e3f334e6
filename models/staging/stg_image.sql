-- One row per image.
with images as (
{% if var('images_csv') %}
    select
        image_id as image_sk,
        file_name
    from {{ csv_file(var('images_csv'), {'image_id': 'bigint', 'file_name': 'varchar'}) }}
{% else %}
    select
        n as image_sk,
        'image_' || lpad(cast(n as varchar), 5, '0') || '.jpg' as file_name
    from {{ integers(var('generated_images')) }}
{% endif %}
)

-- The files don't say in which month an image was taken, so its number decides:
-- 1 is in January, 12 in December, 13 in January again.
select
    image_sk,
    file_name,
    1 + (image_sk - 1) % 12 as month
from images
