package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/sdk"
)

// group is a command over things that have names: alone it lists them, as list does.
func group(cmd, list *cobra.Command, others ...*cobra.Command) *cobra.Command {
	cmd.Args, cmd.RunE = list.Args, list.RunE
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(append(others, list)...)
	return cmd
}

// listCommand lists things that have names; get gives them as a document and as a table.
func listCommand(use, short string, get func(*cobra.Command, *sdk.Client) (any, *table, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			doc, t, err := get(cmd, client)
			if err != nil {
				return err
			}
			return show(cmd, doc, t)
		},
	}
	addOutputFlag(cmd)
	return cmd
}

// showCommand shows one thing that has a name.
func showCommand(short string, get func(*cobra.Command, *sdk.Client, string) (any, *table, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			doc, t, err := get(cmd, client, args[0])
			if err != nil {
				return err
			}
			return show(cmd, doc, t)
		},
	}
	addOutputFlag(cmd)
	return cmd
}

// deleteCommand deletes one thing that has a name.
func deleteCommand(short string, remove func(*cobra.Command, *sdk.Client, string) error) *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			if err := remove(cmd, client, args[0]); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "deleted %s\n", args[0])
			return nil
		},
	}
}

// sayMore says that a list goes on behind what was shown; a document says it by itself.
func sayMore(cmd *cobra.Command, next, how string) {
	if asJSON, _ := wantsJSON(cmd); next != "" && !asJSON {
		fmt.Fprintf(cmd.ErrOrStderr(), "there are more; %s\n", how)
	}
}
