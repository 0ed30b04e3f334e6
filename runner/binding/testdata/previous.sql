CREATE OR REPLACE VIEW "warehouse"."previous"."aliased" AS
SELECT t."score run", t."id", t."v~2" AS "v"
FROM "deep"."aliased" AS t
WHERE t."score run" = coalesce((
  SELECT p.run_id FROM "sto rage"."run_publication_mart" AS p
  WHERE p.mart = 'it''s "x' AND p.seq = (SELECT max(s.seq) FROM "sto rage"."run_publication" AS s WHERE s.seq < (SELECT max(n.seq) FROM "sto rage"."run_publication" AS n))
), error('mart it''s "x was not in the publication before the newest'));

CREATE OR REPLACE VIEW "warehouse"."previous"."orders" AS
SELECT t."run_id", t."id", t."v~2" AS "v", t."created_at"
FROM "main"."orders" AS t
WHERE t."run_id" = coalesce((
  SELECT p.run_id FROM "sto rage"."run_publication_mart" AS p
  WHERE p.mart = 'orders' AND p.seq = (SELECT max(s.seq) FROM "sto rage"."run_publication" AS s WHERE s.seq < (SELECT max(n.seq) FROM "sto rage"."run_publication" AS n))
), error('mart orders was not in the publication before the newest'));

CREATE OR REPLACE VIEW "warehouse"."previous"."unread" AS
SELECT t."run_id", t."id", t."v~2" AS "v", t."created_at"
FROM "main"."unread" AS t
WHERE t."run_id" = coalesce((
  SELECT p.run_id FROM "sto rage"."run_publication_mart" AS p
  WHERE p.mart = 'unread' AND p.seq = (SELECT max(s.seq) FROM "sto rage"."run_publication" AS s WHERE s.seq < (SELECT max(n.seq) FROM "sto rage"."run_publication" AS n))
), error('mart unread was not in the publication before the newest'));

CREATE OR REPLACE VIEW "warehouse"."previous__ref"."orders" AS
SELECT t."id", t."v~2" AS "v"
FROM "main"."orders" AS t
WHERE t."run_id" = coalesce((
  SELECT p.run_id FROM "sto rage"."run_publication_mart" AS p
  WHERE p.mart = 'orders' AND p.seq = (SELECT max(s.seq) FROM "sto rage"."run_publication" AS s WHERE s.seq < (SELECT max(n.seq) FROM "sto rage"."run_publication" AS n))
), error('mart orders was not in the publication before the newest'));

CREATE OR REPLACE VIEW "warehouse"."previous__ref"."it's ""x" AS
SELECT t."id", t."v~2" AS "v"
FROM "deep"."aliased" AS t
WHERE t."score run" = coalesce((
  SELECT p.run_id FROM "sto rage"."run_publication_mart" AS p
  WHERE p.mart = 'it''s "x' AND p.seq = (SELECT max(s.seq) FROM "sto rage"."run_publication" AS s WHERE s.seq < (SELECT max(n.seq) FROM "sto rage"."run_publication" AS n))
), error('mart it''s "x was not in the publication before the newest'));

CREATE OR REPLACE VIEW "warehouse"."previous"."b_view" AS
select count(*) as n from "previous__ref"."orders", "previous__ref"."it's ""x" x;

CREATE OR REPLACE VIEW "warehouse"."previous"."a_view" AS
SELECT "n", "text"
FROM (
select "previous"."b_view"."n", 'memory.run__ref.orders' as text -- run__ref.orders
from "previous"."b_view" join "raw"."events" as e on e.id = n
) AS q;

