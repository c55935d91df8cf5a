package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
)

func newFunctionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "functions",
		Short: "List functions",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return listFunctions(cmd) },
	}
	addOutputFlag(cmd)
	cmd.AddCommand(newDeleteCommand())
	return cmd
}

func listFunctions(cmd *cobra.Command) error {
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	functions, err := client.AllFunctions(cmd.Context())
	if err != nil {
		return err
	}
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
	return show(cmd, listOf(functions), t)
}

// listOf is the document of a whole list: as REST shows it, and never null.
func listOf[T any](items []T) slipway.List[T] {
	if items == nil {
		items = []T{}
	}
	return slipway.List[T]{Items: items}
}

func newDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a function with its versions, aliases and builds",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			if err := client.DeleteFunction(cmd.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "function %s is deleted\n", args[0])
			return nil
		},
	}
}
