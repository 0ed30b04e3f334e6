SELECT count(*) FROM "warehouse"."main"."orders" AS t WHERE t."run_id" = 'A'::UUID;

SELECT count(*) FROM (SELECT t."id" AS "id", t."Price~2" AS "price", t."it's ""x""" AS "it's ""x""", t."new" AS "new" FROM "warehouse"."main"."orders" AS t WHERE t."run_id" = 'B'::UUID) AS m WHERE (
true
);

SELECT count(*) FROM (SELECT 1 FROM "warehouse"."main"."orders" AS t WHERE t."run_id" = 'A'::UUID GROUP BY t."id", t."Price" HAVING count(*) > 1 LIMIT 1)
