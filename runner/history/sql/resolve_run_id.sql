-- The run that latest reads a mart from, for people and other SQL clients.
-- Stored views don't use it: a macro's names are looked up where it is called.
CREATE OR REPLACE MACRO {catalog}.{storage}.resolve_run_id(mart) AS (
  SELECT coalesce(
    (SELECT p.r
     FROM {storage}.run_publication_mart AS p(s, m, r)
     WHERE p.m = mart AND p.s = (SELECT max(seq) FROM {storage}.run_publication)),
    error('no mart ' || mart || ' is published')))
