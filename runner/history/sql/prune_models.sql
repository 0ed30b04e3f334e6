-- Every attempt that wrote rows; what failed or was skipped stays as it was.
UPDATE {run_manifest_model}
SET status = 'pruned'
WHERE run_id = CAST(? AS {run_id_type})
  AND model IN (SELECT unnest(from_json(CAST(? AS VARCHAR), '["VARCHAR"]')))
  AND status IN ('success', 'reused')
