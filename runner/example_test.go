package runner_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"warehouse/runner"
)

// example is the project that is shipped at the root, copied.
func example(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, dir: t.TempDir()}
	for _, name := range []string{"models", "macros", "tests"} {
		if err := os.CopyFS(filepath.Join(s.dir, name), os.DirFS(filepath.Join("..", name))); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("../project.yml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.dir, "project.yml"), string(text))
	return s
}

// The example on its own votes: complete, tested, and traced by ref.
func TestExample(t *testing.T) {
	s := example(t)
	rep := s.build(runner.BuildOptions{})
	s.want("12217 12217", "select count(*), count(distinct image_sk) from latest.mart_image_preference_score")
	s.want("score_run_id irr_run_id candidate_run_id", `select string_agg(column_name, ' ' order by case table_name when 'mart_image_preference_score' then 1 when 'mart_inter_rater_reliability' then 2 else 3 end)
		from duckdb_columns() where schema_name = 'latest' and column_index = 0 and table_name like 'mart%' or schema_name = 'latest' and column_index = 1 and column_name like '%run_id' and table_name like 'mart%'`)
	for _, n := range rep.Nodes {
		if n.Status != runner.StatusPass && n.Status != runner.StatusSuccess {
			t.Errorf("%s is %s", n.Name, n.Status)
		}
	}
	if got := s.query("select * from latest.mart_calendar_candidate order by 2, 3 limit 5", ""); strings.Count(got, "\n") != 4 {
		t.Error(got)
	}
	s.want("12", "select count(distinct month) from latest.mart_calendar_candidate")
	s.want("1", "select count(distinct c.score_run_id) from latest.mart_calendar_candidate c join latest.mart_image_preference_score s using (image_sk, score_run_id)")
	// The seed's own two queries and its cleanup, on the marts as they are.
	s.want("12217", `select count(*) from (SELECT * FROM mart_image_preference_score
WHERE score_run_id = (
SELECT score_run_id FROM mart_image_preference_score
ORDER BY created_at DESC LIMIT 1
))`)
	s.vars = map[string]any{"prior_wins": 5}
	other := s.build(runner.BuildOptions{Select: []string{"mart_image_preference_score+"}})
	s.alter("create table main.compared as " + strings.NewReplacer("abc...", rep.Run.ID, "def...", other.Run.ID).Replace(`SELECT a.image_sk, a.posterior_mean AS run_a, b.posterior_mean AS run_b,
b.posterior_mean - a.posterior_mean AS delta
FROM mart_image_preference_score a
JOIN mart_image_preference_score b USING (image_sk)
WHERE a.score_run_id = 'abc...' AND b.score_run_id = 'def...'
ORDER BY delta DESC`))
	s.want("12217 true", "select count(*), min(delta) >= 0 and max(delta) > 0 from main.compared")
	s.alter("DELETE FROM mart_image_preference_score WHERE score_run_id = '" + rep.Run.ID + "'")
	s.want("12217", "select count(*) from main.mart_image_preference_score")
}

// votes is the folder of the real votes, which is not part of the project: it
// is looked for beside each folder above this one.
func votes(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		found := filepath.Join(dir, "shared", "data", "holidays")
		if _, err := os.Stat(found); err == nil {
			return found
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Skip("the real votes are not here: no folder shared/data/holidays beside one above this")
		}
		dir = up
	}
}

// On real votes the figures are those that were computed by other means.
func TestExampleOnRealVotes(t *testing.T) {
	data := votes(t)
	s := example(t)
	s.vars = map[string]any{"votes_csv": filepath.Join(data, "votes.csv"), "images_csv": filepath.Join(data, "images.csv")}
	s.build(runner.BuildOptions{})
	s.want("260", "select count(*) from latest.mart_image_preference_score")
	s.want("47 5 0.888889", "select wins, losses, round(posterior_mean, 6) from latest.mart_image_preference_score where image_sk = 63")
	s.want("63 179 16 205 149", "select string_agg(image_sk, ' ' order by preference_rank) from latest.mart_image_preference_score where preference_rank <= 5")
	s.want("0.368473", "select round(value, 6) from latest.mart_inter_rater_reliability where metric = 'krippendorff_alpha'")
	s.want("544 1116", "select image_pairs, ratings from latest.mart_inter_rater_reliability where metric = 'krippendorff_alpha'")
	s.want("602 true", "select n, round(value * 602) = 416 and round(value, 9) = round(416 / 602, 9) from latest.mart_inter_rater_reliability where metric = 'percent_agreement'")
	s.sound()
}

// A new mart is one SQL file and one YAML entry.
func TestAddAMart(t *testing.T) {
	s := example(t)
	s.write(`-- models/marts/mart_rater_votes.sql --
select rater_id, count(*) as votes from {{ ref('stg_vote') }} group by rater_id
-- models/marts/mart_rater_votes.yml --
version: 2
models:
  - name: mart_rater_votes
    description: How many votes each rater gave.
    config: {primary_key: [rater_id]}
    columns:
      - name: votes
        data_tests: [not_null]
`)
	rep := s.build(runner.BuildOptions{})
	if n := node(t, rep, "not_null_mart_rater_votes_votes"); n.Status != runner.StatusPass {
		t.Error(describe(rep))
	}
	s.want(rep.Run.ID+" run_id", "select any_value(run_id), (select column_name from duckdb_columns() where schema_name = 'latest' and table_name = 'mart_rater_votes' order by column_index limit 1) from latest.mart_rater_votes")
}

// Another program that imports the packages compiles, as the README shows it.
func TestEmbedCompiles(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the go command")
	}
	dir := "../examples/embed"
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Skip("there is no module in examples/embed: ", err)
	}
	cmd := exec.Command("go", "vet", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
