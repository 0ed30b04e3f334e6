CREATE OR REPLACE VIEW "memory"."run__ref"."orders" AS
SELECT t."id", t."v~2" AS "v"
FROM "warehouse"."main"."orders" AS t
WHERE t."run_id" = 'r-1'::UUID;

CREATE OR REPLACE VIEW "memory"."run__ref"."it's ""x" AS
SELECT t."id", t."v~2" AS "v"
FROM "warehouse"."deep"."aliased" AS t
WHERE t."score run" = 'r-1'::UUID;

CREATE OR REPLACE VIEW "memory"."run__ref"."b_view" AS
select count(*) as n from "memory"."run__ref"."Orders", "memory"."run__ref"."it's ""x" x;

CREATE OR REPLACE VIEW "memory"."run__ref"."a_view" AS
SELECT "n", "text"
FROM (
select "memory"."run__ref"."b_view"."n", 'memory.run__ref.orders' as text -- run__ref.orders
from "memory"."run__ref"."b_view" join "warehouse"."raw"."events" as e on e.id = n
) AS q;

CREATE OR REPLACE VIEW "memory"."run__ref"."unread" AS
SELECT t."id", t."v~2" AS "v"
FROM "warehouse"."main"."unread" AS t
WHERE t."run_id" = 'r-2'::UUID;

CREATE OR REPLACE VIEW "memory"."run"."a_view" AS
SELECT * FROM "memory"."run__ref"."a_view";

CREATE OR REPLACE VIEW "memory"."run"."b_view" AS
SELECT * FROM "memory"."run__ref"."b_view";

CREATE OR REPLACE VIEW "memory"."run"."aliased" AS
SELECT t."score run", t."id", t."v~2" AS "v"
FROM "warehouse"."deep"."aliased" AS t
WHERE t."score run" = 'r-1'::UUID;

CREATE OR REPLACE VIEW "memory"."run"."orders" AS
SELECT t."run_id", t."id", t."v~2" AS "v", t."created_at"
FROM "warehouse"."main"."orders" AS t
WHERE t."run_id" = 'r-1'::UUID;

CREATE OR REPLACE VIEW "memory"."run"."unread" AS
SELECT t."run_id", t."id", t."v~2" AS "v", t."created_at"
FROM "warehouse"."main"."unread" AS t
WHERE t."run_id" = 'r-2'::UUID;

