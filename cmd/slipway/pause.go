package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

func newPauseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pause NAME",
		Short: "Take a function out of service: no events, no instances, until it is resumed",
		Long: `Take a function out of service: its instances finish what they do and are closed, and
events are answered with 503 until 'slipway resume NAME'. Deploying to a paused function
publishes the version; it takes events once the function is resumed.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return setPaused(cmd, args[0], (*sdk.Client).Pause, "%s is paused; 'slipway resume %[1]s' brings it back\n")
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func newResumeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume NAME",
		Short: "Bring a paused function back into service",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return setPaused(cmd, args[0], (*sdk.Client).Resume, "%s takes events again\n")
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func setPaused(cmd *cobra.Command, name string, call func(*sdk.Client, context.Context, string) (slipway.Function, error), done string) error {
	asJSON, err := wantsJSON(cmd)
	if err != nil {
		return err
	}
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	f, err := call(client, cmd.Context(), name)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), f)
	}
	fmt.Fprintf(cmd.OutOrStdout(), done, f.Name)
	return nil
}
