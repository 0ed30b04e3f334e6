package main

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"warehouse/runner"
)

// cli is one command line on its way.
type cli struct {
	env     Env
	args    []string // without the program's name
	flags   globals
	mask    masker
	out     *results // standard output
	err     io.Writer
	log     sink
	signal  func() os.Signal // the interrupt that came, or nil
	runID   string           // of this invocation; a build makes it the run's
	command *cobra.Command   // the one that runs
}

// Main runs one command line and returns its exit code.
func Main(args []string, env Env) int {
	c := &cli{env: env, args: args, mask: newMasker(env.Environ), runID: uuid.Must(uuid.NewV7()).String()}
	c.out = &results{w: env.Stdout, before: func() { c.log.rest() }}
	c.err = c.mask.writer(env.Stderr)
	c.log = &textSink{w: c.err, paint: paint{on: c.colours()}}
	ctx, stop := c.interruptible(context.Background())
	defer stop()
	root := c.root()
	root.SetArgs(commandFirst(root, spreadWords(args)))
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = c.out.err
	}
	return c.end(ctx, err)
}

// prepare runs before every command, when its flags are known.
func (c *cli) prepare(cmd *cobra.Command) error {
	c.command = cmd
	if err := c.flags.fromEnvironment(cmd, c.env); err != nil {
		return err
	}
	if err := c.flags.fromProject(cmd, c.projectDir()); err != nil {
		return err
	}
	c.log = c.newSink()
	return nil
}

func (c *cli) newSink() sink {
	text := &textSink{w: c.err, paint: paint{on: c.colours()}, starts: true}
	switch {
	case c.flags.logFormat.value == "json":
		return c.quietly(&jsonSink{w: c.env.Stderr, mask: c.mask, now: c.env.Now, id: c.runID, command: c.command.Name(), began: c.env.Now()})
	case c.flags.quiet, c.flags.warnings, !c.colours():
		return c.quietly(text)
	}
	text.starts = false
	return newLive(c.err, text, func() (int, int) { return screenSize(c.env.Stderr) }, c.env.Now)
}

func (c *cli) quietly(s sink) sink {
	switch {
	case c.flags.quiet:
		return quietSink{s}
	case c.flags.warnings:
		return warningSink{s}
	}
	return s
}

// colours says whether standard error is a terminal that wants colours and
// live progress.
func (c *cli) colours() bool {
	return isTerminal(c.env.Stderr) && !c.flags.noColor && c.env.get("NO_COLOR") == "" && c.env.get("TERM") != "dumb"
}

// open opens the project.
//
// The process goes into the project's folder: a relative path in a model's SQL
// means the same file wherever the command is typed. Paths that people type
// are resolved before, by typedPath.
func (c *cli) open(ctx context.Context) (*runner.Runner, error) {
	dir := c.projectDir()
	if abs, err := filepath.Abs(dir); err == nil && c.env.Chdir != nil && dir != "." {
		dir = abs
		if err := c.env.Chdir(dir); err != nil {
			dir = c.projectDir() // Open says what is wrong with it
		}
	}
	warn, err := c.flags.warn.policy()
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname()
	first := true
	return runner.Open(ctx, runner.Config{
		Dir:         dir,
		Target:      c.flags.target,
		ProfilesDir: c.typedPath(c.flags.profilesDir),
		Profile:     c.flags.profile,
		Vars:        c.flags.vars.values,
		Threads:     c.flags.threads,
		LockTimeout: c.flags.lockTimeout.value,
		Engines:     c.env.Engines(),
		Version:     version(),
		Command:     c.mask.command(c.args),
		Host:        host,
		User:        userName(c.env),
		LookupEnv:   c.env.lookup,
		Now:         c.env.Now,
		WarnError:   warn,
		Observe:     c.log.event,
		NewID: func() string {
			if first {
				first = false
				return c.runID
			}
			return uuid.Must(uuid.NewV7()).String()
		},
	})
}

// typedPath is a path as it was typed, made absolute where the project is in
// another folder than the one in which the command was typed.
func (c *cli) typedPath(path string) string {
	if path == "" || c.projectDir() == "." {
		return path
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return abs
}

// projectDir is --project-dir, or the nearest folder upwards that holds a
// project, as dbt looks for it.
func (c *cli) projectDir() string {
	if c.flags.projectDir != "" {
		return c.flags.projectDir
	}
	dir, err := os.Getwd()
	if err != nil {
		return "."
	}
	for up := dir; ; up = filepath.Dir(up) {
		for _, name := range []string{"project.yml", "dbt_project.yml"} {
			if _, err := os.Stat(filepath.Join(up, name)); err == nil {
				if up == dir {
					return "."
				}
				return up
			}
		}
		if up == filepath.Dir(up) {
			return "."
		}
	}
}
