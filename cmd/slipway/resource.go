package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway/sdk"
)

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
