-- All records of the pairs (model, run) of a snapshot, which come as two lists
-- in JSON.
WITH want AS (
  SELECT unnest(from_json(CAST(? AS VARCHAR), '["VARCHAR"]')) AS model,
         CAST(unnest(from_json(CAST(? AS VARCHAR), '["VARCHAR"]')) AS {run_id_type}) AS run_id
)
SELECT {columns}
FROM {run_manifest_model} m JOIN want w ON w.run_id = m.run_id AND w.model = m.model
