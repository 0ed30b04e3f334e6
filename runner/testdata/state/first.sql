-- A file as the first release left it: the state tables of the commit "history: register, publications, tags, run specs, ledger, lock",
-- with two published runs and a tag, written by the first warehouse that could build. Only ever read: see TestFirstShape.
CREATE SCHEMA "baseline";
CREATE SCHEMA "baseline__ref";
CREATE SCHEMA "latest";
CREATE SCHEMA "latest__ref";
CREATE SCHEMA "previous";
CREATE SCHEMA "previous__ref";
CREATE TABLE orders(run_id UUID NOT NULL, order_id BIGINT, customer_id BIGINT, amount DECIMAL(10,2), created_at TIMESTAMP WITH TIME ZONE);
CREATE TABLE revenue(run_id UUID NOT NULL, revenue DECIMAL(38,2), last_order BIGINT, created_at TIMESTAMP WITH TIME ZONE);
CREATE TABLE run_binding(binding VARCHAR, "view" VARCHAR, sha256 VARCHAR);
CREATE TABLE run_ledger(seq BIGINT, "at" TIMESTAMP WITH TIME ZONE, "event" VARCHAR, run_id UUID, content_sha256 VARCHAR, prev_sha256 VARCHAR);
CREATE TABLE run_manifest(run_id UUID, seq BIGINT, status VARCHAR, command VARCHAR, "target" VARCHAR, selection JSON, vars JSON, project VARCHAR, code_version VARCHAR, project_sha256 VARCHAR, tool_version VARCHAR, host VARCHAR, "user" VARCHAR, started_at TIMESTAMP WITH TIME ZONE, finished_at TIMESTAMP WITH TIME ZONE, row_count BIGINT, models_ok BIGINT, models_failed BIGINT, tests_failed BIGINT, base_publication BIGINT, "error" VARCHAR, parent_run_id UUID, PRIMARY KEY(run_id));
CREATE TABLE run_manifest_model(run_id UUID, model VARCHAR, attempt BIGINT, data_run_id UUID, kind VARCHAR, status VARCHAR, row_count BIGINT, checksum VARCHAR, checksum_scheme VARCHAR, "columns" JSON, compiled_sql VARCHAR, sql_sha256 VARCHAR, code_version VARCHAR, inputs JSON, started_at TIMESTAMP WITH TIME ZONE, finished_at TIMESTAMP WITH TIME ZONE, "error" VARCHAR);
CREATE TABLE run_manifest_test(run_id UUID, attempt BIGINT, test VARCHAR, model VARCHAR, "column" VARCHAR, severity VARCHAR, status VARCHAR, failures BIGINT, "sample" JSON, compiled_sql VARCHAR, started_at TIMESTAMP WITH TIME ZONE, finished_at TIMESTAMP WITH TIME ZONE, "error" VARCHAR);
CREATE TABLE run_publication(seq BIGINT, "action" VARCHAR, run_id UUID, published_at TIMESTAMP WITH TIME ZONE, published_by VARCHAR, reason VARCHAR, restores BIGINT);
CREATE TABLE run_publication_mart(seq BIGINT, mart VARCHAR, run_id UUID);
CREATE TABLE run_state("version" BIGINT, "at" TIMESTAMP WITH TIME ZONE);
CREATE TABLE run_tag(tag VARCHAR, run_id UUID, "publication" BIGINT, created_at TIMESTAMP WITH TIME ZONE, created_by VARCHAR, note VARCHAR);
CREATE VIEW baseline__ref.orders AS SELECT t.order_id, t.customer_id, t.amount FROM main.orders AS t WHERE (t.run_id = CAST('01a21303-87a5-7923-8594-210e6d510183' AS UUID));
CREATE VIEW latest__ref.orders AS SELECT t.order_id, t.customer_id, t.amount FROM main.orders AS t WHERE (t.run_id = COALESCE((SELECT p.run_id FROM main.run_publication_mart AS p WHERE ((p.mart = 'orders') AND (p.seq = (SELECT max(s.seq) FROM main.run_publication AS s)))), "error"('mart orders is not published')));
CREATE VIEW previous__ref.orders AS SELECT t.order_id, t.customer_id, t.amount FROM main.orders AS t WHERE (t.run_id = COALESCE((SELECT p.run_id FROM main.run_publication_mart AS p WHERE ((p.mart = 'orders') AND (p.seq = (SELECT max(s.seq) FROM main.run_publication AS s WHERE (s.seq < (SELECT max(n.seq) FROM main.run_publication AS n)))))), "error"('mart orders was not in the publication before the newest')));
CREATE VIEW baseline.customers AS SELECT customer_id, orders FROM (SELECT customer_id, count_star() AS orders FROM baseline__ref.orders GROUP BY customer_id) AS q;
CREATE VIEW baseline.orders AS SELECT t.run_id, t.order_id, t.customer_id, t.amount, t.created_at FROM main.orders AS t WHERE (t.run_id = CAST('01a21303-87a5-7923-8594-210e6d510183' AS UUID));
CREATE VIEW baseline.revenue AS SELECT t.run_id, t.revenue, t.last_order, t.created_at FROM main.revenue AS t WHERE (t.run_id = CAST('01a21303-87a5-7923-8594-210e6d510183' AS UUID));
CREATE VIEW latest.customers AS SELECT customer_id, orders FROM (SELECT customer_id, count_star() AS orders FROM latest__ref.orders GROUP BY customer_id) AS q;
CREATE VIEW latest.orders AS SELECT t.run_id, t.order_id, t.customer_id, t.amount, t.created_at FROM main.orders AS t WHERE (t.run_id = COALESCE((SELECT p.run_id FROM main.run_publication_mart AS p WHERE ((p.mart = 'orders') AND (p.seq = (SELECT max(s.seq) FROM main.run_publication AS s)))), "error"('mart orders is not published')));
CREATE VIEW latest.revenue AS SELECT t.run_id, t.revenue, t.last_order, t.created_at FROM main.revenue AS t WHERE (t.run_id = COALESCE((SELECT p.run_id FROM main.run_publication_mart AS p WHERE ((p.mart = 'revenue') AND (p.seq = (SELECT max(s.seq) FROM main.run_publication AS s)))), "error"('mart revenue is not published')));
CREATE VIEW previous.customers AS SELECT customer_id, orders FROM (SELECT customer_id, count_star() AS orders FROM previous__ref.orders GROUP BY customer_id) AS q;
CREATE VIEW previous.orders AS SELECT t.run_id, t.order_id, t.customer_id, t.amount, t.created_at FROM main.orders AS t WHERE (t.run_id = COALESCE((SELECT p.run_id FROM main.run_publication_mart AS p WHERE ((p.mart = 'orders') AND (p.seq = (SELECT max(s.seq) FROM main.run_publication AS s WHERE (s.seq < (SELECT max(n.seq) FROM main.run_publication AS n)))))), "error"('mart orders was not in the publication before the newest')));
CREATE VIEW previous.revenue AS SELECT t.run_id, t.revenue, t.last_order, t.created_at FROM main.revenue AS t WHERE (t.run_id = COALESCE((SELECT p.run_id FROM main.run_publication_mart AS p WHERE ((p.mart = 'revenue') AND (p.seq = (SELECT max(s.seq) FROM main.run_publication AS s WHERE (s.seq < (SELECT max(n.seq) FROM main.run_publication AS n)))))), "error"('mart revenue was not in the publication before the newest')));
CREATE MACRO main.resolve_run_id(mart) AS (SELECT COALESCE((SELECT p.r FROM main.run_publication_mart AS p(s, m, r) WHERE ((p.m = mart) AND (p.s = (SELECT max(seq) FROM main.run_publication)))), "error"((('no mart ' || mart) || ' is published'))));
INSERT INTO "main"."orders" VALUES
  ('01a21303-87a5-7923-8594-210e6d510183', 1, 1, 11.00, '2026-11-25 14:02:08.345725+00'),
  ('01a21303-87a5-7923-8594-210e6d510183', 2, 2, 12.00, '2026-11-25 14:02:08.345725+00'),
  ('01a21303-87a5-7923-8594-210e6d510183', 3, 0, 13.00, '2026-11-25 14:02:08.345725+00'),
  ('01a21303-87a5-7923-8594-210e6d510183', 4, 1, 14.00, '2026-11-25 14:02:08.345725+00'),
  ('01a21303-898a-7211-922b-49ae4157ed26', 1, 1, 11.00, '2026-11-25 14:02:08.885233+00'),
  ('01a21303-898a-7211-922b-49ae4157ed26', 2, 2, 12.00, '2026-11-25 14:02:08.885233+00'),
  ('01a21303-898a-7211-922b-49ae4157ed26', 3, 0, 13.00, '2026-11-25 14:02:08.885233+00'),
  ('01a21303-898a-7211-922b-49ae4157ed26', 4, 1, 14.00, '2026-11-25 14:02:08.885233+00'),
  ('01a21303-898a-7211-922b-49ae4157ed26', 5, 2, 15.00, '2026-11-25 14:02:08.885233+00');
INSERT INTO "main"."revenue" VALUES
  ('01a21303-87a5-7923-8594-210e6d510183', 50.00, 4, '2026-11-25 14:02:08.356135+00'),
  ('01a21303-898a-7211-922b-49ae4157ed26', 65.00, 5, '2026-11-25 14:02:08.926884+00');
INSERT INTO "main"."run_binding" VALUES
  ('latest', 'orders', '4f570e80daac152fc0ebb990ad9d71024e5329db8319f482299050d536563882'),
  ('latest', 'revenue', '8b082a04a05d950b429cc1d7d5202e96518b2367e55899f57e61610f5c420446'),
  ('latest__ref', 'orders', '419c8a3c8dc5bb7c9df256845e93369ba03c6d18684db146431f4dc6c543c23e'),
  ('latest', 'customers', '085ba82e0f05842e291a9980dd6602ea822163f53bbaceb6e9c9fd368d7815bd'),
  ('previous', 'orders', 'e08fbf494e1cd7f8e29a5196fbdcc5d843b7d8f0f848b447933d07c8ff3db44a'),
  ('previous', 'revenue', '7cfea67229e0384b82ba3e34a792815e67753736f1ca669fb5221e84619225c7'),
  ('previous__ref', 'orders', 'be95448308363bd4bc8aaa9340d2784ec8757ccec63dd5684701052d29a4d2b5'),
  ('previous', 'customers', 'af0d9a9ce4e454d0e5a242539251e403c4ff83bae2b015ce4a6b9c071baf8b91'),
  ('baseline', 'orders', 'd9a873a47107d7395fbaa45e8b6859d73552255a252faf12ee1569aeacef108d'),
  ('baseline', 'revenue', '1dd8b8554f8f2caae588f1318dc50b6eb36c2401d5ea9d38ee3341d8b288a237'),
  ('baseline__ref', 'orders', 'd2328a00e11ead10026fc8734295c2aeed99ae432415d3c3f730d61dcd8dbbfa'),
  ('baseline', 'customers', '871d88fbf6991578d3a1081d118c3a62c2c1e6179359ceabc38fe7c5900ba190');
INSERT INTO "main"."run_ledger" VALUES
  (1, '2026-11-25 14:02:08.315164+00', 'begin', '01a21303-87a5-7923-8594-210e6d510183', '2009eb4bdd3c76cd124d474e1ba058df7a342040820de457244b4db319dcffed', '0000000000000000000000000000000000000000000000000000000000000000'),
  (2, '2026-11-25 14:02:08.380945+00', 'success', '01a21303-87a5-7923-8594-210e6d510183', '7c960cbd88da36393a3a8f1c41239b74feb227e708958f069856d5a356fe622d', '353da471ebb96e33927008632ce47ee2e9a00ef53cb1876da82d01e4e4c1e436'),
  (3, '2026-11-25 14:02:08.394509+00', 'publish 1', '01a21303-87a5-7923-8594-210e6d510183', '59bd1d78984869228be11a1bcf40ec3128b53df23f02a41b2c38efd7c6e020d0', '248ddda004c39cad38466a35a590fde89dd4906e8da52e996f8bb28c25c89177'),
  (4, '2026-11-25 14:02:08.754885+00', 'begin', '01a21303-898a-7211-922b-49ae4157ed26', '0c4ada19e5947aff46c7d8d87d2da3fd4d2a745a64cfd459f6a486bbc05e104e', 'ece428e6cfc8eb0bb2d9d4b8490fd3807aa2bbd2d303b6462902c7cb1bc5ad92'),
  (5, '2026-11-25 14:02:08.982596+00', 'success', '01a21303-898a-7211-922b-49ae4157ed26', 'f8d5f683322df90d1396dea74b655b6ad8c417fad62f93991c003560830eb47b', '104d095201626e678f97db7f7707534a9828f3c5fa578faef644ac744bf94ffb'),
  (6, '2026-11-25 14:02:08.990118+00', 'publish 2', '01a21303-898a-7211-922b-49ae4157ed26', '8c81b35405dc39dd7174c3a87034c59acb386c7a3eae46c8acd9e97a955ae86a', 'd52d982ae65b21dfc05d7ff62fd91cb6d1a88bf5390115ab56debf66f952b398'),
  (7, '2026-11-25 14:02:53.277694+00', 'tag baseline', '01a21303-87a5-7923-8594-210e6d510183', '0d928fa6d01c5ae48dac18359974f571a8db0671ed4dd7a96044b84f661337e6', '89689629dad25c24be020750f28578580c5cdcb9b75720fc7d927162006715ad');
INSERT INTO "main"."run_manifest" VALUES
  ('01a21303-87a5-7923-8594-210e6d510183', 1, 'success', 'warehouse build', 'dev', '{"publish":true}', '{}', 'shop', NULL, '4184ce26ea04a8f4cef9789ef382dd95ca2d5f8c82379a92a4cc8af4d45a558c', 'devel', 'vm', 'root', '2026-11-25 14:02:08.309224+00', '2026-11-25 14:02:08.372827+00', 5, 3, 0, 0, NULL, NULL, NULL),
  ('01a21303-898a-7211-922b-49ae4157ed26', 2, 'success', 'warehouse build --vars ''{n: 5}''', 'dev', '{"publish":true}', '{"n":5}', 'shop', NULL, '4184ce26ea04a8f4cef9789ef382dd95ca2d5f8c82379a92a4cc8af4d45a558c', 'devel', 'vm', 'root', '2026-11-25 14:02:08.746444+00', '2026-11-25 14:02:08.968903+00', 6, 3, 0, 0, 1, NULL, NULL);
INSERT INTO "main"."run_manifest_model" VALUES
  ('01a21303-87a5-7923-8594-210e6d510183', 'orders', 1, '01a21303-87a5-7923-8594-210e6d510183', 'mart', 'success', 4, '35180393005090990710', 'duckdb-sum-hash/v1.5.6', '{"schema":"main","table":"orders","run_id_column":"run_id","created_at_column":"created_at","key":["order_id"],"columns":[{"name":"order_id","type":"BIGINT","physical":"order_id"},{"name":"customer_id","type":"BIGINT","physical":"customer_id"},{"name":"amount","type":"DECIMAL(10,2)","physical":"amount"}]}', 'select i as order_id, i % 3 as customer_id, cast(10 + i as decimal(10, 2)) as amount
from range(1, 4 + 1) as t(i)', '89aa5a9201b70c8c762e420cde7ea25a6b4a573e824b1f60d45cdf4c593ba909', NULL, '{}', '2026-11-25 14:02:08.34572+00', '2026-11-25 14:02:08.350222+00', NULL),
  ('01a21303-87a5-7923-8594-210e6d510183', 'customers', 1, NULL, 'view', 'success', NULL, NULL, NULL, '{"schema":"main","table":"customers","run_id_column":"","columns":[{"name":"customer_id","type":"BIGINT","physical":""},{"name":"orders","type":"BIGINT","physical":""}]}', '
select customer_id, count(*) as orders from "memory"."run__ref"."orders" group by customer_id', 'b25bd0b5627d5d19fe9de8ce40fc75a3c386373737e2dd4362cc58b0f9639f98', NULL, '{"model.shop.orders":{"name":"orders","run_id":"01a21303-87a5-7923-8594-210e6d510183"}}', '2026-11-25 14:02:08.358063+00', '2026-11-25 14:02:08.358324+00', NULL),
  ('01a21303-87a5-7923-8594-210e6d510183', 'revenue', 1, '01a21303-87a5-7923-8594-210e6d510183', 'mart', 'success', 1, '11436834029202695644', 'duckdb-sum-hash/v1.5.6', '{"schema":"main","table":"revenue","run_id_column":"run_id","created_at_column":"created_at","columns":[{"name":"revenue","type":"DECIMAL(38,2)","physical":"revenue"},{"name":"last_order","type":"BIGINT","physical":"last_order"}]}', 'select sum(amount) as revenue, max(order_id) as last_order from "memory"."run__ref"."orders"', 'bf01482a4f3beb65d8a21cbea3b2969505861264df54aef3d3fb1b71ddba36e8', NULL, '{"model.shop.orders":{"name":"orders","run_id":"01a21303-87a5-7923-8594-210e6d510183"}}', '2026-11-25 14:02:08.356127+00', '2026-11-25 14:02:08.365423+00', NULL),
  ('01a21303-898a-7211-922b-49ae4157ed26', 'orders', 1, '01a21303-898a-7211-922b-49ae4157ed26', 'mart', 'success', 5, '42007484693903035173', 'duckdb-sum-hash/v1.5.6', '{"schema":"main","table":"orders","run_id_column":"run_id","created_at_column":"created_at","key":["order_id"],"columns":[{"name":"order_id","type":"BIGINT","physical":"order_id"},{"name":"customer_id","type":"BIGINT","physical":"customer_id"},{"name":"amount","type":"DECIMAL(10,2)","physical":"amount"}]}', 'select i as order_id, i % 3 as customer_id, cast(10 + i as decimal(10, 2)) as amount
from range(1, 5 + 1) as t(i)', 'fb51740dabc7e3eaf88924e2fb81b04884bd4df8f5158e23603b0561aa046bb2', NULL, '{}', '2026-11-25 14:02:08.885228+00', '2026-11-25 14:02:08.888836+00', NULL),
  ('01a21303-898a-7211-922b-49ae4157ed26', 'customers', 1, NULL, 'view', 'success', NULL, NULL, NULL, '{"schema":"main","table":"customers","run_id_column":"","columns":[{"name":"customer_id","type":"BIGINT","physical":""},{"name":"orders","type":"BIGINT","physical":""}]}', '
select customer_id, count(*) as orders from "memory"."run__ref"."orders" group by customer_id', 'b25bd0b5627d5d19fe9de8ce40fc75a3c386373737e2dd4362cc58b0f9639f98', NULL, '{"model.shop.orders":{"name":"orders","run_id":"01a21303-898a-7211-922b-49ae4157ed26"}}', '2026-11-25 14:02:08.930507+00', '2026-11-25 14:02:08.931933+00', NULL),
  ('01a21303-898a-7211-922b-49ae4157ed26', 'revenue', 1, '01a21303-898a-7211-922b-49ae4157ed26', 'mart', 'success', 1, '10030950688329931047', 'duckdb-sum-hash/v1.5.6', '{"schema":"main","table":"revenue","run_id_column":"run_id","created_at_column":"created_at","columns":[{"name":"revenue","type":"DECIMAL(38,2)","physical":"revenue"},{"name":"last_order","type":"BIGINT","physical":"last_order"}]}', 'select sum(amount) as revenue, max(order_id) as last_order from "memory"."run__ref"."orders"', 'bf01482a4f3beb65d8a21cbea3b2969505861264df54aef3d3fb1b71ddba36e8', NULL, '{"model.shop.orders":{"name":"orders","run_id":"01a21303-898a-7211-922b-49ae4157ed26"}}', '2026-11-25 14:02:08.926875+00', '2026-11-25 14:02:08.937165+00', NULL);
INSERT INTO "main"."run_manifest_test" VALUES
  ('01a21303-87a5-7923-8594-210e6d510183', 1, 'not_null_orders_order_id', 'orders', 'order_id', 'error', 'pass', 0, NULL, '
select *
from "memory"."run__ref"."orders"
where "order_id" is null
', '2026-11-25 14:02:08.354839+00', '2026-11-25 14:02:08.35484+00', NULL),
  ('01a21303-87a5-7923-8594-210e6d510183', 1, 'unique_orders_order_id', 'orders', 'order_id', 'error', 'pass', 0, NULL, '
select unique_field, count(*) as n_records
from (select "order_id" as unique_field from "memory"."run__ref"."orders") as tested
where unique_field is not null
group by unique_field
having count(*) > 1
', '2026-11-25 14:02:08.355007+00', '2026-11-25 14:02:08.356021+00', NULL),
  ('01a21303-898a-7211-922b-49ae4157ed26', 1, 'not_null_orders_order_id', 'orders', 'order_id', 'error', 'pass', 0, NULL, '
select *
from "memory"."run__ref"."orders"
where "order_id" is null
', '2026-11-25 14:02:08.909718+00', '2026-11-25 14:02:08.909719+00', NULL),
  ('01a21303-898a-7211-922b-49ae4157ed26', 1, 'unique_orders_order_id', 'orders', 'order_id', 'error', 'pass', 0, NULL, '
select unique_field, count(*) as n_records
from (select "order_id" as unique_field from "memory"."run__ref"."orders") as tested
where unique_field is not null
group by unique_field
having count(*) > 1
', '2026-11-25 14:02:08.909899+00', '2026-11-25 14:02:08.926804+00', NULL);
INSERT INTO "main"."run_publication" VALUES
  (1, 'publish', '01a21303-87a5-7923-8594-210e6d510183', '2026-11-25 14:02:08.372827+00', 'root', NULL, NULL),
  (2, 'publish', '01a21303-898a-7211-922b-49ae4157ed26', '2026-11-25 14:02:08.968903+00', 'root', NULL, NULL);
INSERT INTO "main"."run_publication_mart" VALUES
  (1, 'customers', '01a21303-87a5-7923-8594-210e6d510183'),
  (1, 'orders', '01a21303-87a5-7923-8594-210e6d510183'),
  (1, 'revenue', '01a21303-87a5-7923-8594-210e6d510183'),
  (2, 'customers', '01a21303-898a-7211-922b-49ae4157ed26'),
  (2, 'orders', '01a21303-898a-7211-922b-49ae4157ed26'),
  (2, 'revenue', '01a21303-898a-7211-922b-49ae4157ed26');
INSERT INTO "main"."run_state" VALUES
  (1, '2026-11-25 14:02:08.28397+00');
INSERT INTO "main"."run_tag" VALUES
  ('baseline', '01a21303-87a5-7923-8594-210e6d510183', NULL, '2026-11-25 14:02:53.272505+00', 'root', NULL);
