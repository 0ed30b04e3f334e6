package project

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// DBTVersion is the dbt that this program is like: what dbt_version prints.
const DBTVersion = "1.11.0"

// requires warns where a project asks for another dbt than the one that this
// program is like: it is built all the same.
func (l *loader) requires(n *yaml.Node) {
	specs := l.f.texts(n, "require-dbt-version")
	for _, spec := range specs {
		for one := range strings.SplitSeq(spec, ",") {
			holds, ok := versionHolds(DBTVersion, strings.TrimSpace(one))
			switch {
			case !ok:
				l.f.errorf(n, "%q is no version of dbt", one).Advice = `write require-dbt-version: ">=1.9.0", or a list: [">=1.9.0", "<2.0.0"]`
				return
			case !holds:
				e := l.f.errorf(n, "%s requires dbt %s; what is here follows dbt %s", l.what(), strings.Join(specs, ", "), DBTVersion)
				e.Warn, e.Advice = true, "it is read all the same; change require-dbt-version to be rid of this warning"
				return
			}
		}
	}
}

// what is the project, or the package.
func (l *loader) what() string {
	if l.prefix != "" {
		return "package " + l.p.Name
	}
	return "the project"
}

// versionHolds says whether a version is in a range of one bound: ">=1.9.0", "<2",
// "=1.11.0", "1.11.0"; ok is false if that is no range.
func versionHolds(version, spec string) (holds, ok bool) {
	op := ""
	for _, o := range []string{">=", "<=", ">", "<", "==", "="} {
		if strings.HasPrefix(spec, o) {
			op, spec = o, strings.TrimSpace(spec[len(o):])
			break
		}
	}
	have, ok1 := versionParts(version)
	want, ok2 := versionParts(spec)
	if !ok1 || !ok2 {
		return false, false
	}
	order := 0
	for i := range have {
		if have[i] != want[i] {
			order = 1
			if have[i] < want[i] {
				order = -1
			}
			break
		}
	}
	switch op {
	case ">=":
		return order >= 0, true
	case "<=":
		return order <= 0, true
	case ">":
		return order > 0, true
	case "<":
		return order < 0, true
	}
	return order == 0, true
}

// versionParts are the three numbers of a version; what is behind them (rc1, -beta)
// does not count.
func versionParts(text string) (parts [3]int, ok bool) {
	fields := strings.Split(strings.TrimPrefix(text, "v"), ".")
	if len(fields) > 4 {
		return parts, false
	}
	for i, f := range fields {
		digits := f
		if cut := strings.IndexFunc(f, func(r rune) bool { return r < '0' || r > '9' }); cut >= 0 {
			digits = f[:cut]
		}
		if i >= 3 {
			break
		}
		n, err := strconv.Atoi(digits)
		if err != nil {
			return parts, false
		}
		parts[i] = n
	}
	return parts, true
}

// otherKinds are dbt's materializations that are not here, and what to use instead.
var otherKinds = map[string]string{
	"materialized_view": "use table, which each build computes anew, or view, which is always of now",
	"dynamic_table":     "use table, which each build computes anew, or view, which is always of now",
	"external":          "use table, and write its files with `warehouse export latest --to FOLDER`",
	"table_function":    "use a macro",
	"function":          "use a macro",
	"test":              "a data test stands in tests, not in models",
	"unit":              "a unit test stands in a schema file",
}

// materialized reads the kind of a model.
func (d *decoder) materialized(s Setting) string {
	v, _ := s.Value.(string)
	if v == "" || modelKinds[strings.ToLower(v)] != "" {
		return d.word(s, "materialized", modelKinds)
	}
	if instead := otherKinds[strings.ToLower(v)]; instead != "" {
		d.errorf(s, "materialized %s is not supported", v).Advice = instead
		return ""
	}
	n := len(d.errs)
	d.word(s, "materialized", modelKinds)
	if len(d.errs) > n && !strings.Contains(d.errs[n].Msg, "did you mean") {
		d.errs[n].Advice = fmt.Sprintf("a materialization of one's own (materialization %s in a macro) is not supported; %s", v, d.errs[n].Advice)
	}
	return ""
}
