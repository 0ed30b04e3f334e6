package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func (c *cli) versionCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version [flags]",
		Short: "Print the version",
		Example: `  warehouse version
  warehouse version --output json`,
		Args: atMost(0),
	}
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(*cobra.Command, []string) error { return c.printVersion(output.value) }
	return cmd
}

func (c *cli) printVersion(output string) error {
	if output == "json" {
		return c.printJSON(map[string]string{"version": version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH, "duckdb_driver": driverVersion()})
	}
	return c.print(fmt.Sprintf("warehouse %s (%s, %s/%s, duckdb-go %s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, driverVersion()))
}

// version is the module's version as Go stamped it: a tag, or a pseudo-version
// of the commit, "+dirty" behind it if files were changed.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

func driverVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		if strings.HasPrefix(m.Path, "github.com/duckdb/duckdb-go/") {
			return m.Version
		}
	}
	return "unknown"
}
