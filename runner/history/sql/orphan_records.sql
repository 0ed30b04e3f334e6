-- Runs that have records of models or data tests, but no row of their own.
SELECT DISTINCT CAST(run_id AS VARCHAR) AS run_id
FROM (SELECT run_id FROM {run_manifest_model} UNION ALL SELECT run_id FROM {run_manifest_test}) AS m
WHERE run_id IS NULL OR run_id NOT IN (SELECT run_id FROM {run_manifest})
ORDER BY 1
