SELECT count(*)
FROM information_schema.tables
WHERE table_catalog = ? AND lower(table_schema) = lower(?) AND table_name = ?
