CREATE OR REPLACE VIEW "warehouse"."v1.0-rc"."aliased" AS
SELECT t."score run", t."id", t."v~2" AS "v"
FROM "deep"."aliased" AS t
WHERE t."score run" = 'r-1'::UUID;

CREATE OR REPLACE VIEW "warehouse"."v1.0-rc"."orders" AS
SELECT t."run_id", t."id", t."v~2" AS "v", t."created_at"
FROM "main"."orders" AS t
WHERE t."run_id" = 'r-1'::UUID;

CREATE OR REPLACE VIEW "warehouse"."v1.0-rc"."unread" AS
SELECT t."run_id", t."id", t."v~2" AS "v", t."created_at"
FROM "main"."unread" AS t
WHERE t."run_id" = 'r-2'::UUID;

CREATE OR REPLACE VIEW "warehouse"."v1.0-rc__ref"."orders" AS
SELECT t."id", t."v~2" AS "v"
FROM "main"."orders" AS t
WHERE t."run_id" = 'r-1'::UUID;

CREATE OR REPLACE VIEW "warehouse"."v1.0-rc__ref"."it's ""x" AS
SELECT t."id", t."v~2" AS "v"
FROM "deep"."aliased" AS t
WHERE t."score run" = 'r-1'::UUID;

CREATE OR REPLACE VIEW "warehouse"."v1.0-rc"."b_view" AS
select count(*) as n from "v1.0-rc__ref"."orders", "v1.0-rc__ref"."it's ""x" x;

CREATE OR REPLACE VIEW "warehouse"."v1.0-rc"."a_view" AS
SELECT "n", "text"
FROM (
select "v1.0-rc"."b_view"."n", 'memory.run__ref.orders' as text -- run__ref.orders
from "v1.0-rc"."b_view" join "raw"."events" as e on e.id = n
) AS q;

