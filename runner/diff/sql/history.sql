-- history(mart): the rows of a mart as consumers saw them, each with the time
-- from which and until which it was to be seen. Publications whose rows were
-- pruned are passed over.
WITH shown AS (
  SELECT p.published_at, m.run_id, row_number() OVER (ORDER BY p.seq) AS i
  FROM {storage}.run_publication AS p
  LEFT JOIN {storage}.run_publication_mart AS m ON m.seq = p.seq AND lower(m.mart) = lower(mart_name)
  WHERE NOT EXISTS (
    FROM {storage}.run_manifest_model AS d
    WHERE d.run_id = m.run_id AND lower(d.model) = lower(mart_name) AND d.status = 'pruned')
),
stored AS (
  SELECT v.run_id, v."row" AS r, row_number() OVER (PARTITION BY v.run_id, v."row") AS copy
  FROM query('FROM {rows}."' || replace(mart_name, '"', '""') || '"') AS v
),
seen AS (
  SELECT r, copy, i, i - row_number() OVER (PARTITION BY r, copy ORDER BY i) AS span
  FROM stored JOIN shown USING (run_id)
),
spans AS (
  SELECT r, min(i) AS first, max(i) AS last
  FROM seen
  GROUP BY r, copy, span
)
SELECT unnest(s.r), f.published_at AS valid_from, u.published_at AS valid_to
FROM spans AS s
JOIN shown AS f ON f.i = s.first
LEFT JOIN shown AS u ON u.i = s.last + 1
