-- run_of(mart, spec): the run that a mart was read from in the publication that
-- a spec names: 'latest', 'previous', 'r42', a run id or a tag.
SELECT coalesce(
  (SELECT m.run_id
   FROM {storage}.run_publication_mart AS m
   WHERE lower(m.mart) = lower(mart_name) AND m.seq = (
     SELECT CASE CAST(spec AS VARCHAR)
       WHEN 'latest' THEN (SELECT max(p.seq) FROM {storage}.run_publication AS p)
       WHEN 'previous' THEN (SELECT max(p.seq) FROM {storage}.run_publication AS p WHERE p.seq < (SELECT max(q.seq) FROM {storage}.run_publication AS q))
       ELSE coalesce(
         (SELECT max(coalesce(t.publication, (SELECT max(p.seq) FROM {storage}.run_publication AS p WHERE p.run_id = t.run_id)))
          FROM {storage}.run_tag AS t WHERE t.tag = CAST(spec AS VARCHAR)),
         (SELECT max(p.seq)
          FROM {storage}.run_publication AS p JOIN {storage}.run_manifest AS n USING (run_id)
          WHERE CAST(p.run_id AS VARCHAR) = lower(CAST(spec AS VARCHAR)) OR 'r' || n.seq = CAST(spec AS VARCHAR)))
       END)),
  error('no publication of ' || mart_name || ' is named ' || CAST(spec AS VARCHAR) || ': write latest, previous, r42, the id of a published run, or a tag'))
