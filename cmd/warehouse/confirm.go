package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"warehouse/runner"
)

// errNotAsked: there is nobody to ask.
var errNotAsked = errors.New("nobody can be asked")

// confirm asks on a terminal whether to go on. Without one it is errNotAsked.
func (c *cli) confirm(ctx context.Context, question string, yes bool) (bool, error) {
	if yes {
		return true, nil
	}
	if !isTerminal(c.env.Stdin) || !isTerminal(c.env.Stderr) {
		return false, errNotAsked
	}
	c.log.rest()
	fmt.Fprintf(c.err, "%s [y/N] ", question)
	// The read cannot be cancelled: after an interrupt its goroutine ends with
	// the process, which is at once.
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(c.env.Stdin).ReadString('\n')
		answer <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(c.err)
		return false, ctx.Err()
	case line := <-answer:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return true, nil
		}
		return false, nil
	}
}

// notDone ends a command that was not confirmed. Where nobody was asked it is
// an error, so that a script notices.
func (c *cli) notDone(err error) error {
	if errors.Is(err, errNotAsked) {
		return &runner.UsageError{Msg: "nothing was changed; add --yes"}
	}
	if err != nil {
		return err
	}
	c.log.say("nothing was changed")
	return errNo
}
