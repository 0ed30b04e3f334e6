package compile

import (
	"fmt"
	"strings"

	"warehouse/runner/jinja"
)

// dispatch is adapter.dispatch(name, namespace): it finds <engine>__name before
// default__name, in the packages that the project's `dispatch:` lists for the
// namespace; without such a list in the project, then in the namespace.
func (r *render) dispatch(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "adapter.dispatch", "macro_name", "macro_namespace?", "packages?")
	if err != nil {
		return nil, err
	}
	name, ok := v[0].(string)
	if !ok {
		return nil, fmt.Errorf("adapter.dispatch needs the macro's name as text, not %s", jinja.Repr(v[0]))
	}
	if strings.Contains(name, ".") {
		return nil, fmt.Errorf("adapter.dispatch takes the name alone: adapter.dispatch('%s', '%s')", name[strings.LastIndex(name, ".")+1:], name[:strings.LastIndex(name, ".")])
	}
	namespace, _ := v[1].(string)
	var tried []string
	for _, pkg := range r.searchOrder(namespace) {
		for _, prefix := range []string{r.opts.Dialect, "default"} {
			full := prefix + "__" + name
			if m := r.macros.in(pkg, r.pkg, full); m != nil {
				return m, nil
			}
			if pkg != "" {
				full = pkg + "." + full
			}
			tried = append(tried, "'"+full+"'")
		}
	}
	return nil, fmt.Errorf("no macro for adapter.dispatch('%s'); looked for %s", name, strings.Join(tried, ", "))
}

// searchOrder lists packages; "" stands for the usual order of names.
func (r *render) searchOrder(namespace string) []string {
	if namespace == "" {
		return []string{""}
	}
	for _, d := range r.project.Dispatch {
		if d.MacroNamespace == namespace && len(d.SearchOrder) > 0 {
			return d.SearchOrder
		}
	}
	if r.macros.packages[namespace] == nil || namespace == r.macros.root {
		return []string{""}
	}
	return []string{r.macros.root, namespace}
}
