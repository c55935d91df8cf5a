package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

func newLogsCommand() *cobra.Command {
	var follow bool
	var since string
	var lines int
	cmd := &cobra.Command{
		Use:   "logs NAME",
		Short: "Show what a function printed",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := moment(since, time.Now())
			if err != nil {
				return err
			}
			return showLogs(cmd, args[0], sdk.LogQuery{Follow: follow, Since: from, Limit: lines})
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on as more is printed, until Ctrl-C")
	cmd.Flags().StringVar(&since, "since", "", "a time (RFC 3339), or how long ago, as in 10m")
	cmd.Flags().IntVarP(&lines, "lines", "n", 0, "the newest lines at most (default: all)")
	addOutputFlag(cmd)
	return cmd
}

// moment reads a time, or how long before now; "" is the zero time.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, usageError{slipway.Errorf(slipway.ErrInvalid, "--since: %q is neither a time as in 2026-01-31T12:00:00Z nor a duration as in 10m", text)}
	}
	return at, nil
}

func showLogs(cmd *cobra.Command, name string, q sdk.LogQuery) error {
	asJSON, err := wantsJSON(cmd)
	if err != nil {
		return err
	}
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	enc := json.NewEncoder(out)
	err = client.Logs(cmd.Context(), name, q, func(line slipway.LogLine) error {
		if asJSON {
			return enc.Encode(line)
		}
		return writeLogLine(out, line)
	})
	if q.Follow && cmd.Context().Err() != nil {
		return nil // Ctrl-C is how following ends
	}
	return err
}

func writeLogLine(w io.Writer, l slipway.LogLine) error {
	_, err := fmt.Fprintf(w, "%s v%d %.8s %s: %s\n", l.At.Local().Format("2006-01-02 15:04:05.000"), l.Version, l.Instance[max(0, len(l.Instance)-8):], l.Stream, l.Text)
	return err
}
