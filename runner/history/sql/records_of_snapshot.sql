-- The newest record of each pair (model, run) of a snapshot, which comes as a
-- JSON text of two lists.
WITH want AS (
  SELECT unnest(from_json(CAST(? AS VARCHAR), '["VARCHAR"]')) AS model,
         CAST(unnest(from_json(CAST(? AS VARCHAR), '["VARCHAR"]')) AS {run_id_type}) AS run_id
), newest AS (
  SELECT n.run_id, n.model, max(n.attempt) AS attempt
  FROM {run_manifest_model} n JOIN want w ON w.run_id = n.run_id AND w.model = n.model
  GROUP BY n.run_id, n.model
)
SELECT {columns}
FROM {run_manifest_model} m JOIN newest n ON n.run_id = m.run_id AND n.model = m.model AND n.attempt = m.attempt
