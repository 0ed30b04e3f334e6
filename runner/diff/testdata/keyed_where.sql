SELECT a.here AS in_a, b.here AS in_b, a.ka0, b.kb0, a.a0, b.b0, a.a1, b.b1
FROM (SELECT true AS here, m."id" AS ka0, m."Price" AS a0, m."it's ""x""" AS a1 FROM (SELECT t."id" AS "id", t."Price" AS "Price", t."it's ""x""" AS "it's ""x""", t."was" AS "was" FROM "warehouse"."main"."orders" AS t WHERE t."run_id" = 'A'::UUID) AS m WHERE (
price > 1 -- cheap
)) AS a
FULL JOIN (SELECT true AS here, m."id" AS kb0, m."price" AS b0, m."it's ""x""" AS b1 FROM (SELECT t."id" AS "id", t."Price~2" AS "price", t."it's ""x""" AS "it's ""x""", t."new" AS "new" FROM "warehouse"."main"."orders" AS t WHERE t."run_id" = 'B'::UUID) AS m WHERE (
price > 1 -- cheap
)) AS b
  ON a.ka0 IS NOT DISTINCT FROM b.kb0
WHERE a.here IS NULL
   OR b.here IS NULL
   OR CASE WHEN isfinite(a.a0) AND a.a0 = trunc(a.a0) AND abs(a.a0) < 1e38 THEN CAST(CAST(a.a0 AS HUGEINT) AS VARCHAR) ELSE CAST(a.a0 AS VARCHAR) END IS DISTINCT FROM CASE WHEN b.b0 <> trunc(b.b0) AND TRY_CAST(CAST(CAST(CAST(b.b0 AS VARCHAR) AS DOUBLE) AS VARCHAR) AS DECIMAL(10,2)) = b.b0 THEN CAST(CAST(CAST(b.b0 AS VARCHAR) AS DOUBLE) AS VARCHAR) ELSE regexp_replace(regexp_replace(CAST(b.b0 AS VARCHAR), '\.?0+$', ''), '^(-?)(\.|$)', '\10\2') END
   OR a.a1 IS DISTINCT FROM b.b1;

SELECT count(*) FILTER (WHERE in_b IS NULL),
  count(*) FILTER (WHERE in_a IS NULL),
  count(*) FILTER (WHERE in_a AND in_b),
  count(*) FILTER (WHERE in_a AND in_b AND (NOT (CASE WHEN isfinite(a0) AND a0 = trunc(a0) AND abs(a0) < 1e38 THEN CAST(CAST(a0 AS HUGEINT) AS VARCHAR) ELSE CAST(a0 AS VARCHAR) END IS DISTINCT FROM CASE WHEN b0 <> trunc(b0) AND TRY_CAST(CAST(CAST(CAST(b0 AS VARCHAR) AS DOUBLE) AS VARCHAR) AS DECIMAL(10,2)) = b0 THEN CAST(CAST(CAST(b0 AS VARCHAR) AS DOUBLE) AS VARCHAR) ELSE regexp_replace(regexp_replace(CAST(b0 AS VARCHAR), '\.?0+$', ''), '^(-?)(\.|$)', '\10\2') END) OR coalesce(isfinite(CAST(a0 AS DOUBLE)) AND isfinite(CAST(b0 AS DOUBLE)) AND (abs(CAST(a0 AS DOUBLE) - CAST(b0 AS DOUBLE)) <= CAST(1e-09 AS DOUBLE) * greatest(abs(CAST(a0 AS DOUBLE)), abs(CAST(b0 AS DOUBLE)))), false)) AND NOT (a1 IS DISTINCT FROM b1)),
  count(*) FILTER (WHERE in_a AND in_b AND CASE WHEN isfinite(a0) AND a0 = trunc(a0) AND abs(a0) < 1e38 THEN CAST(CAST(a0 AS HUGEINT) AS VARCHAR) ELSE CAST(a0 AS VARCHAR) END IS DISTINCT FROM CASE WHEN b0 <> trunc(b0) AND TRY_CAST(CAST(CAST(CAST(b0 AS VARCHAR) AS DOUBLE) AS VARCHAR) AS DECIMAL(10,2)) = b0 THEN CAST(CAST(CAST(b0 AS VARCHAR) AS DOUBLE) AS VARCHAR) ELSE regexp_replace(regexp_replace(CAST(b0 AS VARCHAR), '\.?0+$', ''), '^(-?)(\.|$)', '\10\2') END),
  count(*) FILTER (WHERE in_a AND in_b AND CASE WHEN isfinite(a0) AND a0 = trunc(a0) AND abs(a0) < 1e38 THEN CAST(CAST(a0 AS HUGEINT) AS VARCHAR) ELSE CAST(a0 AS VARCHAR) END IS DISTINCT FROM CASE WHEN b0 <> trunc(b0) AND TRY_CAST(CAST(CAST(CAST(b0 AS VARCHAR) AS DOUBLE) AS VARCHAR) AS DECIMAL(10,2)) = b0 THEN CAST(CAST(CAST(b0 AS VARCHAR) AS DOUBLE) AS VARCHAR) ELSE regexp_replace(regexp_replace(CAST(b0 AS VARCHAR), '\.?0+$', ''), '^(-?)(\.|$)', '\10\2') END AND a0 IS NULL),
  count(*) FILTER (WHERE in_a AND in_b AND CASE WHEN isfinite(a0) AND a0 = trunc(a0) AND abs(a0) < 1e38 THEN CAST(CAST(a0 AS HUGEINT) AS VARCHAR) ELSE CAST(a0 AS VARCHAR) END IS DISTINCT FROM CASE WHEN b0 <> trunc(b0) AND TRY_CAST(CAST(CAST(CAST(b0 AS VARCHAR) AS DOUBLE) AS VARCHAR) AS DECIMAL(10,2)) = b0 THEN CAST(CAST(CAST(b0 AS VARCHAR) AS DOUBLE) AS VARCHAR) ELSE regexp_replace(regexp_replace(CAST(b0 AS VARCHAR), '\.?0+$', ''), '^(-?)(\.|$)', '\10\2') END AND b0 IS NULL),
  count(*) FILTER (WHERE in_a AND in_b AND a1 IS DISTINCT FROM b1),
  count(*) FILTER (WHERE in_a AND in_b AND a1 IS DISTINCT FROM b1 AND a1 IS NULL),
  count(*) FILTER (WHERE in_a AND in_b AND a1 IS DISTINCT FROM b1 AND b1 IS NULL)
FROM temp."diff rows"
