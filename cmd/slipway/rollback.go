package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
)

func newRollbackCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollback NAME [VERSION]",
		Short: "Put an earlier version live: the one before, or the one named",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			number := 0
			if len(args) == 2 {
				var err error
				if number, err = versionNumber(args[1]); err != nil {
					return err
				}
			}
			return rollback(cmd, args[0], number)
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func rollback(cmd *cobra.Command, name string, number int) error {
	asJSON, err := wantsJSON(cmd)
	if err != nil {
		return err
	}
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	v, err := client.Rollback(cmd.Context(), name, number)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), v)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "version %d of %s is live\n", v.Number, v.Function)
	return nil
}

func versionNumber(text string) (int, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		return 0, usageError{slipway.Errorf(slipway.ErrInvalid, "version %q: it must be a number from 1", text)}
	}
	return int(n), nil
}
