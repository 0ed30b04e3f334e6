package runner

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/project"
)

// open reads project.yml and the target alone. What needs models calls load.
func open(ctx context.Context, cfg Config) (*Runner, error) {
	cfg = withDefaults(cfg)
	secrets := &secrets{}
	cfg.LookupEnv = secrets.lookup(cfg.LookupEnv)
	p, err := project.LoadTarget(ctx, cfg.projectOptions())
	if err != nil {
		return nil, err
	}
	r := &Runner{cfg: cfg, secrets: secrets, project: p}
	r.warn(p.Warnings...)
	if _, err := r.engine(); err != nil {
		return nil, err
	}
	return r, nil
}

func withDefaults(cfg Config) Config {
	if cfg.LookupEnv == nil {
		cfg.LookupEnv = os.LookupEnv
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.NewID == nil {
		cfg.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if cfg.Observe == nil {
		cfg.Observe = func(Event) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Dir == "" {
		cfg.Dir = "."
	}
	return cfg
}

func (c Config) projectOptions() project.Options {
	return project.Options{Dir: c.Dir, Target: c.Target, ProfilesDir: c.ProfilesDir, Profile: c.Profile, Vars: c.Vars, LookupEnv: c.LookupEnv}
}

// load reads and compiles the whole project, once.
func (r *Runner) load(ctx context.Context) (*compile.Graph, error) {
	if r.graph != nil || r.loadErr != nil {
		return r.graph, r.loadErr
	}
	p, err := project.Load(ctx, r.cfg.projectOptions())
	if err == nil {
		r.project = p
		r.graph, err = compile.Compile(ctx, p, compile.Options{
			LookupEnv: r.cfg.LookupEnv,
			Dialect:   p.Target.Type,
			Log:       func(msg string, info bool) { r.logged(msg, info) },
		})
	}
	if err == nil {
		err = r.namedAsDatabase()
	}
	if err != nil {
		if ctx.Err() == nil {
			r.loadErr = err
		}
		return nil, err
	}
	r.warn(slices.Concat(p.Warnings, r.graph.Warnings)...)
	if r.loadErr = r.warnedError(); r.loadErr != nil {
		return nil, r.loadErr
	}
	return r.graph, nil
}

// namedAsDatabase refuses schemas with the name under which the file is attached:
// "warehouse".orders, in a view that is stored, would mean either.
func (r *Runner) namedAsDatabase() error {
	d := r.dialect()
	if _, ok := d.(engine.MemoryBinder); !ok {
		return nil
	}
	var errs diag.List
	refuse := func(pos diag.Pos, what, schema string) {
		if strings.EqualFold(schema, d.Catalog()) {
			errs.Add(&diag.Error{Pos: pos, Msg: fmt.Sprintf("a schema cannot be named %q, as that of %s would be: the database itself has that name here", schema, what),
				Advice: "choose another schema"})
		}
	}
	t := r.project.Target
	refuse(t.Pos, "latest_schema", t.LatestSchema)
	refuse(t.Pos, "storage_schema", t.StorageSchema)
	for _, n := range r.graph.Nodes {
		if n.Built() && n.Table.Schema != t.StorageSchema {
			refuse(n.Pos, n.Name, n.Table.Schema)
			refuse(n.Pos, n.Name, n.Placed)
		}
	}
	return errs.Err()
}

// Check loads and renders the whole project and returns its errors
// (diag.Errors), or nil.
func (r *Runner) Check(ctx context.Context) error {
	_, err := r.load(ctx)
	return err
}

// Project returns the project: after Check or a verb that needs models with
// them, before that its name and target alone.
func (r *Runner) Project() *project.Project { return r.project }

// warn reports each warning once.
func (r *Runner) warn(ws ...*diag.Error) {
	r.warnings.Lock()
	defer r.warnings.Unlock()
	for _, w := range ws {
		key := w.Error()
		if r.warned[key] {
			continue
		}
		if r.warned == nil {
			r.warned = map[string]bool{}
		}
		r.warned[key] = true
		name := warningName(w)
		if r.cfg.WarnError.silences(name) {
			continue
		}
		if r.cfg.WarnError.fails(name) {
			r.promoted++
		}
		r.event(Event{Kind: EventWarning, Err: w})
	}
}

func (r *Runner) logged(msg string, info bool) {
	if info {
		r.event(Event{Kind: EventLog, Message: msg})
	}
	r.cfg.Log.Info("template log", "msg", msg)
}

func (r *Runner) event(e Event) {
	e.Time, e.Message, e.Err = r.cfg.Now(), r.hide(e.Message), r.hidden(e.Err)
	r.cfg.Observe(e)
}

func (r *Runner) now() time.Time { return r.cfg.Now().UTC().Truncate(time.Microsecond) }

// engine returns the engine of the chosen target.
func (r *Runner) engine() (engine.Engine, error) {
	t := r.project.Target
	var names []string
	for _, e := range r.cfg.Engines {
		if e.Name == t.Type {
			return e, nil
		}
		names = append(names, e.Name)
	}
	msg := fmt.Sprintf("target %q has type %q, which this program does not know", t.Name, t.Type)
	if near := diag.Nearest(t.Type, names); near != "" {
		msg += fmt.Sprintf("; did you mean %q?", near)
	}
	return engine.Engine{}, &diag.Error{Pos: t.Pos, Msg: msg, Advice: "known types: " + strings.Join(names, ", ")}
}

// target is the chosen target as the engine wants it.
func (r *Runner) target(readOnly bool) engine.Target {
	t := r.project.Target
	threads := t.Threads
	if r.cfg.Threads > 0 {
		threads = r.cfg.Threads
	}
	out := engine.Target{Name: t.Name, Type: t.Type, Path: t.Path, DSN: t.DSN, Catalog: t.Catalog, Schema: t.StorageSchema,
		Threads: threads, Settings: t.Settings, ReadOnly: readOnly}
	if out.Path != "" {
		out.TempDir = filepath.Join(filepath.Dir(out.Path), ".tmp")
	}
	return out
}

// workers is how many models are built at once.
func (r *Runner) workers() int {
	if r.cfg.Threads > 0 {
		return r.cfg.Threads
	}
	if n := r.project.Target.Threads; n > 0 {
		return min(n, 4)
	}
	return 4
}
