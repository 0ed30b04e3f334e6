package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
	"warehouse/runner/engine"
)

// mostRows are printed as text unless more are asked for.
const mostRows = 100

func (c *cli) queryCmd() *cobra.Command {
	var o runner.QueryOptions
	cmd := &cobra.Command{
		Use:   "query SQL [flags]",
		Short: "Run one SELECT on a run",
		Long: `Run one SELECT, read-only. A mart named without a schema is one run of it: the published one, or
that of --run. latest.m and previous.m, and the tables with all runs, can be read as well.
As text, at most 100 rows are printed; json and csv print all.`,
		Example: `  warehouse query 'select * from mart_orders order by 1 limit 5'
  warehouse query 'select count(*) from mart_orders' --run r41
  warehouse query 'from mart_orders' --output csv >orders.csv
  warehouse query - <report.sql
  warehouse query 'select status, count(*) from run_manifest group by 1'`,
		Args: between(1, 1, "a SELECT"),
	}
	cmd.Flags().StringVar(&o.Run, "run", "", "`run` whose marts are read (default: latest)")
	cmd.Flags().IntVar(&o.Limit, "limit", 0, "rows at most; 0: all (default 100 as text)")
	output := outputFlag(cmd, "text", "json", "csv")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if o.SQL = args[0]; o.SQL == "-" {
			text, err := io.ReadAll(c.env.Stdin)
			if err != nil {
				return err
			}
			o.SQL = string(text)
		}
		limit := o.Limit
		switch {
		case strings.TrimSpace(o.SQL) == "":
			return &runner.UsageError{Msg: "the SELECT is empty", Advice: "usage: " + cmd.UseLine()}
		case limit < 0:
			return &runner.UsageError{Msg: fmt.Sprintf("--limit: %d is no number of rows", limit)}
		case output.value == "text" && !cmd.Flags().Changed("limit"):
			limit = mostRows
		}
		if limit > 0 {
			o.Limit = limit + 1 // one more says whether there are more
		}
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		out := bufio.NewWriterSize(c.out, 1<<16)
		rows := newRowWriter(output.value, out)
		more := false
		n := 0
		err = r.Query(cmd.Context(), o, rows.head, func(row []*string) error {
			if n == limit && limit > 0 {
				more = true
				return nil
			}
			n++
			return rows.row(row)
		})
		if err == nil {
			err = rows.end()
		}
		if ferr := out.Flush(); ferr != nil {
			return ferr
		}
		if more && err == nil && !cmd.Flags().Changed("limit") {
			c.log.say(fmt.Sprintf("only the first %d rows; --limit 0 prints all", limit))
		}
		return err
	}
	return cmd
}

// rowWriter prints rows in one form. row's cells are only good during the
// call.
type rowWriter interface {
	head(columns []engine.Column) error
	row(cells []*string) error
	end() error
}

func newRowWriter(form string, w *bufio.Writer) rowWriter {
	switch form {
	case "json":
		return &jsonRows{w: w}
	case "csv":
		return &csvRows{w: w}
	}
	return &textRows{w: w}
}

// uniqueNames gives each column a name of its own: of two called n the second
// becomes n_2.
func uniqueNames(names []string) []string {
	out := make([]string, len(names))
	taken := map[string]bool{}
	for i, name := range names {
		unique := name
		for n := 2; taken[unique]; n++ {
			unique = fmt.Sprintf("%s_%d", name, n)
		}
		taken[unique] = true
		out[i] = unique
	}
	return out
}

func columnNames(columns []engine.Column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.Name
	}
	return out
}

// isNumber says whether a column's type is a number's.
func isNumber(typ string) bool {
	t := strings.ToUpper(typ)
	if i := strings.IndexByte(t, '('); i >= 0 {
		if strings.HasSuffix(t, "]") {
			return false
		}
		t = t[:i]
	}
	switch t {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
		"INT", "REAL", "FLOAT", "DOUBLE", "DECIMAL", "NUMERIC", "BIGNUM", "VARINT":
		return true
	}
	return false
}
