CREATE OR REPLACE VIEW "warehouse"."latest"."aliased" AS
SELECT t."score run", t."id", t."v~2" AS "v"
FROM "deep"."aliased" AS t
WHERE t."score run" = coalesce((
  SELECT p.run_id FROM "sto rage"."run_publication_mart" AS p
  WHERE p.mart = 'it''s "x' AND p.seq = (SELECT max(s.seq) FROM "sto rage"."run_publication" AS s)
), error('mart it''s "x is not published'));

CREATE OR REPLACE VIEW "warehouse"."latest"."orders" AS
SELECT t."run_id", t."id", t."v~2" AS "v", t."created_at"
FROM "main"."orders" AS t
WHERE t."run_id" = coalesce((
  SELECT p.run_id FROM "sto rage"."run_publication_mart" AS p
  WHERE p.mart = 'orders' AND p.seq = (SELECT max(s.seq) FROM "sto rage"."run_publication" AS s)
), error('mart orders is not published'));

CREATE OR REPLACE VIEW "warehouse"."latest"."unread" AS
SELECT t."run_id", t."id", t."v~2" AS "v", t."created_at"
FROM "main"."unread" AS t
WHERE t."run_id" = coalesce((
  SELECT p.run_id FROM "sto rage"."run_publication_mart" AS p
  WHERE p.mart = 'unread' AND p.seq = (SELECT max(s.seq) FROM "sto rage"."run_publication" AS s)
), error('mart unread is not published'));

CREATE OR REPLACE VIEW "warehouse"."latest__ref"."orders" AS
SELECT t."id", t."v~2" AS "v"
FROM "main"."orders" AS t
WHERE t."run_id" = coalesce((
  SELECT p.run_id FROM "sto rage"."run_publication_mart" AS p
  WHERE p.mart = 'orders' AND p.seq = (SELECT max(s.seq) FROM "sto rage"."run_publication" AS s)
), error('mart orders is not published'));

CREATE OR REPLACE VIEW "warehouse"."latest__ref"."it's ""x" AS
SELECT t."id", t."v~2" AS "v"
FROM "deep"."aliased" AS t
WHERE t."score run" = coalesce((
  SELECT p.run_id FROM "sto rage"."run_publication_mart" AS p
  WHERE p.mart = 'it''s "x' AND p.seq = (SELECT max(s.seq) FROM "sto rage"."run_publication" AS s)
), error('mart it''s "x is not published'));

CREATE OR REPLACE VIEW "warehouse"."latest"."b_view" AS
select count(*) as n from "latest__ref"."orders", "latest__ref"."it's ""x" x;

CREATE OR REPLACE VIEW "warehouse"."latest"."a_view" AS
SELECT "n", "text"
FROM (
select "latest"."b_view"."n", 'memory.run__ref.orders' as text -- run__ref.orders
from "latest"."b_view" join "raw"."events" as e on e.id = n
) AS q;

