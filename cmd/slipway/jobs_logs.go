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

func newJobsLogsCommand() *cobra.Command {
	var q sdk.JobLogQuery
	var since string
	cmd := &cobra.Command{
		Use:   "logs ID",
		Short: "Show what a job printed; of an array what all its children printed",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if q.Since, err = moment(since, time.Now()); err != nil {
				return err
			}
			asJSON, err := wantsJSON(cmd)
			if err != nil {
				return err
			}
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			err = client.JobLogs(cmd.Context(), args[0], q, jobLineWriter(cmd, asJSON))
			if q.Follow && cmd.Context().Err() != nil {
				return nil // Ctrl-C ends following
			}
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&q.Follow, "follow", "f", false, "go on as more is printed, until the job has ended")
	f.IntVar(&q.Attempt, "attempt", 0, "of this attempt only, from 1")
	f.StringVar(&since, "since", "", "a time (RFC 3339), or how long ago, as in 10m")
	f.IntVarP(&q.Limit, "lines", "n", 0, "the newest lines at most, not with --follow (default: all)")
	addOutputFlag(cmd)
	return cmd
}

// jobLineWriter writes lines of a job to the command's output.
func jobLineWriter(cmd *cobra.Command, asJSON bool) func(slipway.JobLogLine) error {
	out := cmd.OutOrStdout()
	enc := json.NewEncoder(out)
	return func(line slipway.JobLogLine) error {
		if asJSON {
			return enc.Encode(line)
		}
		return writeJobLine(out, line)
	}
}

func writeJobLine(w io.Writer, l slipway.JobLogLine) error {
	_, err := fmt.Fprintf(w, "%s %d#%d %s: %s\n", l.At.Local().Format("15:04:05.000"), l.Index, l.Attempt, l.Stream, l.Text)
	return err
}
