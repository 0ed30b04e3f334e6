-- Of each model of a run the record of its highest attempt.
SELECT {columns}
FROM {run_manifest_model} m
WHERE m.run_id = CAST(? AS {run_id_type})
  AND m.attempt = (SELECT max(n.attempt) FROM {run_manifest_model} n WHERE n.run_id = m.run_id AND n.model = m.model)
ORDER BY m.model
