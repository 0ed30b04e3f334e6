package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"warehouse/runner"
	"warehouse/runner/diag"
)

// root makes the tree of commands. The order is that of the help.
func (c *cli) root() *cobra.Command {
	showVersion := false
	root := &cobra.Command{
		Use:   "warehouse",
		Short: "Build SQL models as runs: complete, immutable, tested, published at once",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case showVersion:
				return c.printVersion("text")
			case len(args) > 0:
				return unknownCommand(cmd, args[0])
			}
			fmt.Fprint(c.err, helpText(cmd))
			return errUsage
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return c.prepare(cmd) },
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.Flags().BoolVar(&showVersion, "version", false, "print the version")
	root.SetGlobalNormalizationFunc(otherNames)
	c.flags.register(root.PersistentFlags())
	root.PersistentFlags().BoolP("help", "h", false, "print this help")
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { fmt.Fprint(c.out, helpText(cmd)) })
	root.SetFlagErrorFunc(c.flagError)
	root.SetHelpCommand(helpCmd(root))
	root.AddGroup(&cobra.Group{ID: first, Title: "Commands to start with:"}, &cobra.Group{ID: others, Title: "More commands:"})
	add := func(group string, cmds ...*cobra.Command) {
		for _, cmd := range cmds {
			cmd.GroupID = group
			root.AddCommand(cmd)
		}
	}
	add(first, c.buildCmd(), c.testCmd(), c.planCmd(), c.diffCmd(), c.runsCmd(), c.publishCmd(), c.rollbackCmd(), c.queryCmd(), c.retryCmd(), c.initCmd())
	add(others, c.verifyCmd(), c.runCmd(), c.seedCmd(), c.snapshotCmd(), c.runOperationCmd(), c.showCmd(), c.sourceCmd(), c.docsCmd(), c.debugCmd(), c.cleanCmd(), c.cloneCmd(), c.replayCmd(), c.blameCmd(), c.tagCmd(), c.untagCmd(), c.pruneCmd(), c.compactCmd(), c.exportCmd(), c.lintCmd(), c.compileCmd(), c.parseCmd(), c.lsCmd(), c.depsCmd(), c.versionCmd())
	return root
}

// Groups of commands in the help.
const (
	first  = "first"
	others = "others"
)

func unknownCommand(parent *cobra.Command, name string) error {
	e := &runner.UsageError{Msg: fmt.Sprintf("unknown command %q", name), Advice: "`" + parent.CommandPath() + " --help` lists the commands"}
	var names []string
	for _, sub := range parent.Commands() {
		names = append(names, sub.Name())
	}
	if near := diag.Nearest(name, names); near != "" {
		e.Msg += fmt.Sprintf("; did you mean %q?", near)
	}
	return e
}

// flagError explains a flag that could not be read.
func (c *cli) flagError(cmd *cobra.Command, err error) error {
	if word := firstWord(cmd.Root(), c.args); !cmd.HasParent() && word != "" {
		return unknownCommand(cmd, word) // the flag was meant for it
	}
	e := &runner.UsageError{Msg: strings.TrimPrefix(err.Error(), "pflag: "), Advice: "`" + cmd.CommandPath() + " --help` lists the flags"}
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		e.Msg = "unknown flag -" + unknown.GetSpecifiedName()
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		e.Msg = "unknown flag --" + name
		if near := diag.Nearest(name, flagNames(cmd)); near != "" {
			e.Msg += "; did you mean --" + near + "?"
		}
	case errors.As(err, &invalid):
		return flagValueError("--"+invalid.GetFlag().Name, invalid.Unwrap())
	}
	return e
}

// flagValueError says which flag or variable has a bad value. Errors that know
// more, as those of --vars do, are kept whole.
func flagValueError(name string, err error) error {
	var placed *diag.Error
	var number *strconv.NumError
	switch {
	case errors.As(err, &placed):
		return err
	case errors.As(err, &number):
		err = fmt.Errorf("%q is no whole number", number.Num)
		if number.Func == "ParseBool" {
			err = fmt.Errorf("%q is neither true nor false", number.Num)
		}
	}
	return &runner.UsageError{Msg: fmt.Sprintf("%s: %v", name, err)}
}

func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}

// firstWord is the first argument that is neither a flag nor a flag's value.
func firstWord(root *cobra.Command, args []string) string {
	for i := 0; i < len(args); i++ {
		a := args[i]
		if !strings.HasPrefix(a, "-") {
			return a
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if f := root.PersistentFlags().Lookup(name); f != nil && !hasValue && f.NoOptDefVal == "" {
			i++
		}
	}
	return ""
}

// atMost checks the number of arguments.
func atMost(n int) cobra.PositionalArgs {
	return between(0, n, "")
}

// between checks the number of arguments; need says what is missing if there
// are too few.
func between(least, most int, need string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		advice := "usage: " + cmd.UseLine()
		switch {
		case len(args) < least:
			return &runner.UsageError{Msg: cmd.CommandPath() + " needs " + need, Advice: advice}
		case len(args) > most && cmd.HasSubCommands():
			return unknownCommand(cmd, args[0])
		case len(args) > most:
			return &runner.UsageError{Msg: fmt.Sprintf("unexpected argument %q", args[most]), Advice: advice}
		}
		return nil
	}
}
