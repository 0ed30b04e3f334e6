SELECT a0, a1, a2, sum(a) AS na, sum(b) AS nb
FROM (
SELECT 1 AS a, 0 AS b, s.a0 AS a0, CASE WHEN isfinite(s.a1) AND s.a1 = trunc(s.a1) AND abs(s.a1) < 1e38 THEN CAST(CAST(s.a1 AS HUGEINT) AS VARCHAR) ELSE CAST(s.a1 AS VARCHAR) END AS a1, s.a2 AS a2 FROM (SELECT t."id" AS a0, t."Price" AS a1, t."it's ""x""" AS a2 FROM "warehouse"."main"."orders" AS t WHERE t."run_id" = 'A'::UUID) AS s
UNION ALL
SELECT 0 AS a, 1 AS b, s.a0 AS a0, CASE WHEN s.a1 <> trunc(s.a1) AND TRY_CAST(CAST(CAST(CAST(s.a1 AS VARCHAR) AS DOUBLE) AS VARCHAR) AS DECIMAL(10,2)) = s.a1 THEN CAST(CAST(CAST(s.a1 AS VARCHAR) AS DOUBLE) AS VARCHAR) ELSE regexp_replace(regexp_replace(CAST(s.a1 AS VARCHAR), '\.?0+$', ''), '^(-?)(\.|$)', '\10\2') END AS a1, s.a2 AS a2 FROM (SELECT t."id" AS a0, t."Price~2" AS a1, t."it's ""x""" AS a2 FROM "warehouse"."main"."orders" AS t WHERE t."run_id" = 'B'::UUID) AS s
)
GROUP BY a0, a1, a2
HAVING sum(a) <> sum(b);

SELECT CAST(coalesce(sum(greatest(na - nb, 0)), 0) AS BIGINT), CAST(coalesce(sum(greatest(nb - na, 0)), 0) AS BIGINT) FROM temp."diff rows";

SELECT CAST(na - nb AS BIGINT), CAST(a0 AS VARCHAR), CAST(a1 AS VARCHAR), CASE WHEN length(a2) > 1000 THEN substr(a2, 1, 1000) || '…' ELSE a2 END
FROM temp."diff rows"
WHERE na - nb > 0
ORDER BY na - nb DESC, a0, a1, a2
LIMIT 5
