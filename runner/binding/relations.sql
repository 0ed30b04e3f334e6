-- The tables and views of some schemas of the target.
SELECT table_schema, table_name, CASE WHEN table_type LIKE '%VIEW%' THEN 'view' ELSE 'table' END
FROM information_schema.tables
WHERE table_catalog = ? AND lower(table_schema) IN ({schemas})
