CREATE OR REPLACE VIEW "memory"."run__ref"."a ""b""" AS
SELECT CAST(NULL AS ENUM('a')) AS "x y", CAST(NULL AS INTEGER) AS "n" WHERE false;

