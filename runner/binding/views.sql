-- The views alone: a fraction of the time.
SELECT table_schema, table_name, 'view'
FROM information_schema.views
WHERE table_catalog = ? AND lower(table_schema) IN ({schemas})
