package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

func newFunctionsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "functions", Aliases: []string{"function"}, Short: "List functions"}
	return group(cmd,
		listCommand("list", "List functions by name", func(cmd *cobra.Command, c *sdk.Client) (any, *table, error) {
			all, err := c.AllFunctions(cmd.Context())
			return listOf(all), functionsTable(all), err
		}),
		deleteCommand("Delete a function with its versions, aliases and builds", func(cmd *cobra.Command, c *sdk.Client, name string) error {
			return c.DeleteFunction(cmd.Context(), name)
		}),
	)
}

func functionsTable(functions []slipway.Function) *table {
	t := newTable("NAME", "LIVE", "RUNTIME", "MEMORY", "INSTANCES", "CHANGED", "URL")
	for _, f := range functions {
		live := cell{"not deployed", yellow}
		if f.Live > 0 {
			live = cell{fmt.Sprint(f.Live), green}
		}
		if f.Paused {
			live = cell{live.text + ", paused", yellow}
		}
		t.row(f.Name, live, f.Runtime, fmt.Sprintf("%d MiB", f.MemoryMB),
			fmt.Sprintf("%d to %d", f.Scaling.Min, f.Scaling.Max), ago(f.UpdatedAt), f.URL)
	}
	return t
}

// listOf is the document of a whole list: as REST shows it, and never null.
func listOf[T any](items []T) slipway.List[T] {
	if items == nil {
		items = []T{}
	}
	return slipway.List[T]{Items: items}
}
