-- Records of other runs that name a run: as the writer of their rows, or among
-- their inputs.
SELECT DISTINCT CAST(m.run_id AS VARCHAR) AS run_id
FROM {run_manifest_model} m
WHERE m.run_id <> CAST(? AS {run_id_type})
  AND (m.data_run_id = CAST(? AS {run_id_type}) OR CAST(m.inputs AS VARCHAR) LIKE '%"run_id":"' || ? || '"%')
ORDER BY 1
