-- changes(mart, a, b): the rows that differ between two published runs, as they
-- are in b, or of removed ones as they were in a; before is a's row.
WITH a_rows AS (
  SELECT v."key" AS k, v."row" AS r, row_number() OVER (PARTITION BY v."key" ORDER BY v."row") AS copy
  FROM query('FROM {rows}."' || replace(mart_name, '"', '""') || '"') AS v
  WHERE v.run_id = {storage}.run_of(mart_name, a)
),
b_rows AS (
  SELECT v."key" AS k, v."row" AS r, row_number() OVER (PARTITION BY v."key" ORDER BY v."row") AS copy
  FROM query('FROM {rows}."' || replace(mart_name, '"', '""') || '"') AS v
  WHERE v.run_id = {storage}.run_of(mart_name, b)
)
SELECT CASE WHEN x.copy IS NULL THEN 'added' WHEN y.copy IS NULL THEN 'removed' ELSE 'changed' END AS change,
  unnest(CASE WHEN y.copy IS NULL THEN x.r ELSE y.r END), x.r AS before
FROM a_rows AS x FULL JOIN b_rows AS y ON x.k IS NOT DISTINCT FROM y.k AND x.copy = y.copy
WHERE x.copy IS NULL OR y.copy IS NULL OR x.r IS DISTINCT FROM y.r
