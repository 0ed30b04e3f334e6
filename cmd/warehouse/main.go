// Command warehouse builds a project's SQL models as runs: complete,
// immutable, tested, published at once.
//
// It is a thin shell around package runner. In the order in which a command
// line passes through it:
//
//  1. [Main] (cli.go) takes arguments, writers, environment and clock as
//     plain values and returns the exit code. flags.go and select.go read the
//     flags that all commands share.
//  2. One file per command (build.go, query.go, …) calls one verb of runner
//     and renders its result.
//  3. Results go to standard output. All else goes through a [sink] to
//     standard error: lines for a pipe (text.go), live progress for a terminal
//     (live.go), or dbt's event shape (jsonlog.go).
//  4. errors.go turns an error into what is printed, and exit.go into the exit
//     code.
//
// The rules of output:
//
//   - Lower case, no full stop, and what to do next on a line that begins with
//     "hint:".
//   - Control characters in data, names and errors are escaped before they are
//     printed (escape.go); csv and json have their own escaping.
//   - The value of a secret environment variable is replaced by its reference
//     (mask.go) in everything but the rows that query prints.
package main

import "os"

func main() { os.Exit(Main(os.Args[1:], process())) }
