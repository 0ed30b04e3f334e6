package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpText is the help of a command.
func helpText(cmd *cobra.Command) string {
	var b strings.Builder
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	fmt.Fprintf(&b, "%s\n\nUsage:\n", strings.TrimSpace(about))
	if cmd.HasParent() {
		fmt.Fprintf(&b, "  %s\n", cmd.UseLine())
	} else {
		fmt.Fprintf(&b, "  %s COMMAND [flags]\n", cmd.Name())
	}
	if cmd.HasSubCommands() && cmd.HasParent() {
		fmt.Fprintf(&b, "  %s COMMAND [flags]\n", cmd.CommandPath())
	}
	commandList(&b, cmd)
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", strings.TrimRight(cmd.Example, "\n "))
	}
	shared := cmd.Root().PersistentFlags()
	if own := ownFlags(cmd, shared); own.HasAvailableFlags() {
		fmt.Fprintf(&b, "\nFlags:\n%s", own.FlagUsages())
	}
	if cmd.HasParent() {
		b.WriteString("\nFlags of every command: ")
		b.WriteString(flagNamesOnly(shared))
		fmt.Fprintf(&b, "\n(`%s --help` explains them)\n", cmd.Root().Name())
		return b.String()
	}
	fmt.Fprintf(&b, "\nFlags of every command:\n%s", shared.FlagUsages())
	b.WriteString("\nEach of them but --help is also an environment variable: WAREHOUSE_TARGET=prod is --target prod.\n")
	fmt.Fprintf(&b, "\n`%s COMMAND --help` says more about a command.\n", cmd.Name())
	b.WriteString("Exit codes: 0 done; 1 done, and the answer is no; 2 not done; 130 interrupted; 143 terminated.\n")
	return b.String()
}

func commandList(b *strings.Builder, cmd *cobra.Command) {
	line := func(sub *cobra.Command) { fmt.Fprintf(b, "  %-10s %s\n", sub.Name(), sub.Short) }
	if len(cmd.Groups()) == 0 && cmd.HasSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, sub := range cmd.Commands() {
			line(sub)
		}
	}
	for _, g := range cmd.Groups() {
		fmt.Fprintf(b, "\n%s\n", g.Title)
		for _, sub := range ordered(cmd) {
			if sub.GroupID == g.ID {
				line(sub)
			}
		}
	}
}

// order is that of the help: the way of a newcomer, not the alphabet.
var order = []string{"build", "test", "plan", "diff", "runs", "publish", "rollback", "query", "retry", "init"}

// ordered are the commands in the order of the help; those that it does not
// name follow as they were added.
func ordered(cmd *cobra.Command) []*cobra.Command {
	var out, rest []*cobra.Command
	byName := map[string]*cobra.Command{}
	for _, sub := range cmd.Commands() {
		byName[sub.Name()] = sub
	}
	for _, name := range order {
		if sub := byName[name]; sub != nil {
			out = append(out, sub)
			delete(byName, name)
		}
	}
	for _, sub := range cmd.Commands() {
		if byName[sub.Name()] != nil {
			rest = append(rest, sub)
		}
	}
	return append(out, rest...)
}

// ownFlags are the flags of the command alone, as they were registered.
func ownFlags(cmd *cobra.Command, shared *pflag.FlagSet) *pflag.FlagSet {
	own := pflag.NewFlagSet(cmd.Name(), pflag.ContinueOnError)
	own.SortFlags = false
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if shared.Lookup(f.Name) == nil {
			own.AddFlag(f)
		}
	})
	return own
}

func flagNamesOnly(flags *pflag.FlagSet) string {
	var names []string
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	return strings.Join(names, ", ")
}

// helpCmd is `warehouse help COMMAND`.
func helpCmd(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Print the help of a command", Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || cmd == root && len(rest) > 0 {
				return unknownCommand(root, args[0])
			}
			return cmd.Help()
		},
	}
}
