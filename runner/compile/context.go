package compile

import (
	"context"
	"errors"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// What a template can call. docs/templates.md has a line for each name; a name
// that starts a longer story has a file of its own:
//
//	ref, source, this, run_of      refs.go, relation.go
//	var, env_var                   vars.go, secrets.go
//	config                         config.go
//	adapter, dispatch              adapter.go, dispatch.go
//	statement, load_result         query.go, table.go
//	model, graph, target, flags    about.go
//	fromjson, toyaml, …            json.go, yaml.go

// allGlobals are the names that are neither the template's own nor a macro's. A
// value is made when it is first read.
func allGlobals() map[string]func(r *render) jinja.Value {
	call := func(name string, f func(r *render, c *jinja.Call) (jinja.Value, error)) func(r *render) jinja.Value {
		return func(r *render) jinja.Value {
			return fn(name, func(c *jinja.Call) (jinja.Value, error) { return f(r, c) })
		}
	}
	return map[string]func(r *render) jinja.Value{
		"execute":         func(r *render) jinja.Value { return r.execute() },
		"run_id":          func(r *render) jinja.Value { return r.runID("run_id") },
		"invocation_id":   func(r *render) jinja.Value { return r.runID("invocation_id") },
		"run_started_at":  func(r *render) jinja.Value { return r.startedAt() },
		"this":            func(r *render) jinja.Value { return r.this() },
		"target":          func(r *render) jinja.Value { return r.target() },
		"model":           func(r *render) jinja.Value { return r.model() },
		"graph":           func(r *render) jinja.Value { return r.graph() },
		"adapter":         func(r *render) jinja.Value { return r.adapter() },
		"config":          func(r *render) jinja.Value { return &configObject{r} },
		"api":             func(r *render) jinja.Value { return r.api() },
		"exceptions":      func(r *render) jinja.Value { return exceptions(r) },
		"builtins":        func(r *render) jinja.Value { return r.builtins() },
		"context":         func(r *render) jinja.Value { return r.context() },
		"modules":         func(r *render) jinja.Value { return r.modules() },
		"flags":           func(r *render) jinja.Value { return r.flags() },
		"database":        func(r *render) jinja.Value { return r.database() },
		"schema":          func(r *render) jinja.Value { return r.project.Target.Schema },
		"dbt_version":     func(*render) jinja.Value { return DBTVersion },
		"project_name":    func(r *render) jinja.Value { return r.project.Name },
		"pre_hooks":       func(*render) jinja.Value { return &jinja.List{} },
		"post_hooks":      func(*render) jinja.Value { return &jinja.List{} },
		"thread_id":       func(*render) jinja.Value { return "main" },
		"connection_name": func(r *render) jinja.Value { return r.id() },

		"selected_resources":   func(r *render) jinja.Value { return r.selectedResources() },
		"invocation_args_dict": func(*render) jinja.Value { return jinja.NewDict() },
		"dbt_metadata_envs":    func(*render) jinja.Value { return jinja.NewDict() },

		"ref":                 call("ref", (*render).ref),
		"source":              call("source", (*render).source),
		"run_of":              call("run_of", (*render).runOf),
		"var":                 func(r *render) jinja.Value { return &varObject{r} },
		"env_var":             call("env_var", (*render).envVar),
		"is_incremental":      call("is_incremental", (*render).isIncremental),
		"should_full_refresh": call("should_full_refresh", (*render).shouldFullRefresh),
		"doc":                 call("doc", (*render).doc),
		"log":                 call("log", (*render).log),
		"print":               call("print", (*render).print),
		"statement":           call("statement", (*render).statement),
		"load_result":         call("load_result", (*render).loadResult),
		"store_result":        call("store_result", (*render).storeResult),
		"return":              call("return", returnValue),
		"render":              call("render", (*render).renderString),

		"fromjson":   call("fromjson", parser("fromjson", fromJSON)),
		"fromyaml":   call("fromyaml", parser("fromyaml", fromYAML)),
		"tojson":     call("tojson", writer("tojson", toJSON)),
		"toyaml":     call("toyaml", writer("toyaml", toYAML)),
		"local_md5":  call("local_md5", localMD5),
		"column":     func(r *render) jinja.Value { return columnClass(r.opts.Dialect) },
		"env":        func(r *render) jinja.Value { return r.target() },
		"sql_now":    func(*render) jinja.Value { return "now()" },
		"validation": func(*render) jinja.Value { return validation() },

		"defer_relation":        func(*render) jinja.Value { return nil },
		"try_or_compiler_error": call("try_or_compiler_error", (*render).tryOrError),
		"store_raw_result":      call("store_raw_result", (*render).storeRawResult),
		"diff_of_two_dicts":     call("diff_of_two_dicts", differences),

		"set":        call("set", makeSet("set", false)),
		"set_strict": call("set_strict", makeSet("set_strict", true)),
		"zip":        call("zip", zip("zip", false)),
		"zip_strict": call("zip_strict", zip("zip_strict", true)),
	}
}

// DBTVersion is what dbt_version prints: packages ask whether it is new enough.
const DBTVersion = project.DBTVersion

// Lookup finds a name for a template: macros of the node's package, of the
// project and built-in ones come before all else, as in dbt, so that a project
// may put its own macro in the place of a function; then namespaces of
// packages, then functions and values.
func (r *render) Lookup(name string) (jinja.Value, bool) {
	if v, ok := r.more[name]; ok {
		return v, true
	}
	if v, ok := r.overridden(name); ok {
		return v, true
	}
	if m := r.macros.find(r.pkg, name); m != nil {
		return m, true
	}
	if ns := r.macros.namespace(name); ns != nil {
		if name == builtinPackage {
			return r.builtinNamespace(), true
		}
		return ns, true
	}
	if g := r.globals[name]; g != nil {
		return g(r), true
	}
	if dbtOnly[name] != "" {
		return dbtOnlyFunc(name), true
	}
	return nil, false
}

// builtinNamespace is what dbt means: its macros, of which some are functions here.
func (r *render) builtinNamespace() jinja.Value {
	macros := r.macros.packages[builtinPackage]
	return &namespace{builtinPackage, func(name string) (jinja.Value, bool) {
		switch m := macros[name]; {
		case m != nil:
			return m, true
		case name == "statement" || name == "is_incremental" || name == "should_full_refresh":
			return r.globals[name](r), true
		case dbtOnly[name] != "":
			return dbtOnlyFunc(name), true
		}
		return nil, false
	}, namesOf(macros)}
}

// builtins is the functions that a macro of the same name has replaced.
func (r *render) builtins() jinja.Value {
	return &namespace{"builtins", func(name string) (jinja.Value, bool) {
		if g := r.globals[name]; g != nil {
			return g(r), true
		}
		return nil, false
	}, namesOf(r.globals)}
}

// context is all names, for templates that look them up by text.
func (r *render) context() jinja.Value {
	return &namespace{"context", func(name string) (jinja.Value, bool) {
		if name == "get" {
			return fn("context.get", func(c *jinja.Call) (jinja.Value, error) {
				v, err := args(c, "context.get", "key", "default?")
				if err != nil {
					return nil, err
				}
				if found, ok := r.Lookup(jinja.Str(v[0])); ok {
					return found, nil
				}
				return v[1], nil
			}), true
		}
		return r.Lookup(name)
	}, r.Names}
}

func missingFeature(msg, advice string) error { return &lookupError{msg: msg, advice: advice} }

func returnValue(_ *render, c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "return", "data?")
	if err != nil {
		return nil, err
	}
	return nil, jinja.ReturnValue{Value: v[0]}
}

// log writes to the run's log; print, to the terminal too.
func (r *render) log(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "log", "msg", "info?")
	if err != nil {
		return nil, err
	}
	r.say(v[0], jinja.Truth(v[1]))
	return "", nil
}

func (r *render) print(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "print", "msg")
	if err != nil {
		return nil, err
	}
	if r.b != nil && r.b.Print != nil {
		r.b.Print(withReferences(jinja.Str(v[0])))
		return "", nil
	}
	r.say(v[0], true)
	return "", nil
}

// say logs a message, secrets as references. While the project is compiled it
// is silent: each template would speak twice.
func (r *render) say(msg jinja.Value, info bool) {
	if r.opts.Log != nil && r.b != nil {
		r.opts.Log(withReferences(jinja.Str(msg)), info)
	}
}

// exceptions is dbt's namespace of errors that templates raise.
func exceptions(r *render) jinja.Value {
	return &namespace{"exceptions", func(name string) (jinja.Value, bool) {
		switch {
		case name == "warn":
			return fn("exceptions.warn", func(c *jinja.Call) (jinja.Value, error) {
				v, err := args(c, "exceptions.warn", "msg")
				if err != nil {
					return nil, err
				}
				r.warn(&diag.Error{Pos: c.Pos(), Msg: withReferences(jinja.Str(v[0])), Err: raisedWarning{}, Warn: true})
				return "", nil
			}), true
		case strings.HasPrefix(name, "raise_") || name == "missing_config" || name == "missing_materialization" || name == "column_type_missing":
			return fn("exceptions."+name, func(c *jinja.Call) (jinja.Value, error) {
				msg := strings.ReplaceAll(strings.TrimPrefix(name, "raise_"), "_", " ")
				for _, a := range c.Args {
					if s, ok := a.(string); ok && s != "" {
						msg = s
						break
					}
				}
				if c.Kwargs != nil {
					if m, ok := c.Kwargs.Get("msg"); ok {
						msg = jinja.Str(m)
					}
				}
				return nil, &raisedError{withReferences(msg)}
			}), true
		}
		return nil, false
	}, nil}
}

// raisedWarning marks a warning that a template raised by exceptions.warn.
type raisedWarning struct{}

func (raisedWarning) Error() string { return "raised by a template" }
func (raisedWarning) Raised()       {}

// raisedError is an error that a template raised by exceptions.raise_….
type raisedError struct{ msg string }

func (e *raisedError) Error() string { return e.msg }

// renderString renders a text as a template, as dbt's render() does.
func (r *render) renderString(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "render", "string")
	if err != nil {
		return nil, err
	}
	pos := c.Pos()
	t, err := jinja.Parse(pos.File, jinja.Str(v[0]))
	if err != nil {
		return nil, err
	}
	return r.nested(c.Context(), t)
}

// mostNested bounds templates that render templates: each has limits of its
// own, which would never be reached.
const mostNested = 20

// nested renders another template inside the running one.
func (r *render) nested(ctx context.Context, t *jinja.Template) (string, error) {
	if r.depth >= mostNested {
		return "", errors.New("templates render each other without an end")
	}
	r.depth++
	defer func() { r.depth-- }()
	out, err := t.Render(ctx, r.options())
	return out.Text, err
}
