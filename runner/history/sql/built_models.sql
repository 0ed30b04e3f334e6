-- What a run contributes to a snapshot: of each model that it built or reused,
-- the run whose rows it is.
SELECT m.model, CAST(coalesce(m.data_run_id, m.run_id) AS VARCHAR)
FROM {run_manifest_model} m
WHERE m.run_id = CAST(? AS {run_id_type})
  AND m.status IN ('success', 'reused')
  AND m.kind <> 'ephemeral'
  AND m.attempt = (SELECT max(n.attempt) FROM {run_manifest_model} n WHERE n.run_id = m.run_id AND n.model = m.model)
