-- All that a database holds besides rows, as (name, definition).
WITH d AS (SELECT CAST(? AS VARCHAR) AS name)
SELECT what, coalesce(definition, '') FROM (
  SELECT 'schema ' || schema_name AS what, comment AS definition FROM duckdb_schemas(), d WHERE database_name = d.name AND NOT internal
  UNION ALL SELECT 'table ' || schema_name || '.' || table_name, concat_ws(' ', sql, comment) FROM duckdb_tables(), d WHERE database_name = d.name
  UNION ALL SELECT 'column ' || schema_name || '.' || table_name || '.' || column_name, concat_ws(' ', data_type, is_nullable, column_default, comment)
    FROM duckdb_columns(), d WHERE database_name = d.name AND NOT internal
  UNION ALL SELECT 'view ' || schema_name || '.' || view_name, concat_ws(' ', sql, comment) FROM duckdb_views(), d WHERE database_name = d.name AND NOT internal
  UNION ALL SELECT 'macro ' || schema_name || '.' || function_name, concat_ws(' ', function_type, CAST(parameters AS VARCHAR), macro_definition, comment)
    FROM duckdb_functions(), d WHERE database_name = d.name AND NOT internal
  UNION ALL SELECT 'index ' || schema_name || '.' || index_name, concat_ws(' ', sql, comment) FROM duckdb_indexes(), d WHERE database_name = d.name
  UNION ALL SELECT 'sequence ' || schema_name || '.' || sequence_name, concat_ws(' ', sql, comment) FROM duckdb_sequences(), d WHERE database_name = d.name
  UNION ALL SELECT 'type ' || schema_name || '.' || type_name, concat_ws(' ', logical_type, CAST(labels AS VARCHAR), comment)
    FROM duckdb_types(), d WHERE database_name = d.name AND NOT internal
) AS c
ORDER BY ALL
