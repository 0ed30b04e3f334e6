-- Of each data test of a run the record of its highest attempt.
SELECT {columns}
FROM {run_manifest_test} m
WHERE m.run_id = CAST(? AS {run_id_type})
  AND m.attempt = (SELECT max(n.attempt) FROM {run_manifest_test} n WHERE n.run_id = m.run_id AND n.test = m.test)
ORDER BY m.test
