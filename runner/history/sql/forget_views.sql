DELETE FROM {run_binding}
WHERE binding = ? AND view IN (SELECT unnest(from_json(CAST(? AS VARCHAR), '["VARCHAR"]')))
