package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

// endFunc ends a job.
type endFunc func(c *sdk.Client, ctx context.Context, id, reason string) (slipway.Job, error)

// statusTimeout is the exit status for a job that took too long, as of timeout(1).
const statusTimeout = 124

// statusInterrupted is the exit status after Ctrl-C, as of shells.
const statusInterrupted = 130

func newJobsWaitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "wait ID…",
		Short: "Wait until jobs have ended; the exit status is the job's",
		Long: `Wait until jobs have ended, and show how far they are.

The exit status is 0 when all succeeded. Of one job that failed it is the exit status of
its last attempt when that has one, 124 after a timeout, else 1; of several jobs, and of an
array, it is 1.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			return waitForJobs(cmd, client, args)
		},
	}
	addOutputFlag(cmd)
	return cmd
}

// waitForJobs shows how far jobs are until they have ended. Its error has the exit status.
func waitForJobs(cmd *cobra.Command, client *sdk.Client, ids []string) error {
	asJSON, err := wantsJSON(cmd)
	if err != nil {
		return err
	}
	view := newJobProgress(cmd.ErrOrStderr())
	jobs, errs := make([]slipway.Job, len(ids)), make([]error, len(ids))
	var group sync.WaitGroup
	for i, id := range ids {
		group.Go(func() { jobs[i], errs[i] = watchJob(cmd, client, id, view.show) })
	}
	group.Wait()
	view.end()
	if cmd.Context().Err() != nil {
		return goesOn(cmd, ids)
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	switch {
	case asJSON && len(jobs) == 1:
		err = writeJSON(cmd.OutOrStdout(), jobs[0])
	case asJSON:
		err = writeJSON(cmd.OutOrStdout(), slipway.List[slipway.Job]{Items: jobs})
	}
	if err != nil {
		return err
	}
	return endOf(cmd, jobs)
}

// watchJob follows a job to its end, through restarts of the gateway.
func watchJob(cmd *cobra.Command, client *sdk.Client, id string, show func(slipway.Job)) (slipway.Job, error) {
	ctx := cmd.Context()
	job, err := client.FollowJob(ctx, id, show)
	if err != nil && slipway.Code(err) == "unavailable" && job.ID != "" && ctx.Err() == nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "slipway: the gateway went away; job %s is waited for until it is back, or Ctrl-C\n", id)
		if job, err = client.WaitJob(ctx, id); err == nil {
			show(job)
		}
	}
	return job, err
}

// goesOn says what becomes of jobs that nobody waits for any more.
func goesOn(cmd *cobra.Command, ids []string) error {
	all := strings.Join(ids, " ")
	fmt.Fprintf(cmd.ErrOrStderr(), "slipway: interrupted; what was submitted goes on: 'slipway jobs wait %s' waits again, 'slipway jobs terminate' ends it\n", all)
	return exitStatus(statusInterrupted)
}

// endOf says how jobs ended and gives the exit status.
func endOf(cmd *cobra.Command, jobs []slipway.Job) error {
	status := 0
	for _, job := range jobs {
		if job.Status == slipway.JobFailed {
			fmt.Fprintf(cmd.ErrOrStderr(), "slipway: job %s (%s) failed: %s\n", job.ID, job.Name, job.StatusReason)
			status = 1
		}
	}
	switch {
	case status == 0:
		return nil
	case len(jobs) == 1:
		return exitStatus(statusOf(jobs[0]))
	}
	return exitStatus(status)
}

// statusOf is the exit status that stands for a job that has ended.
func statusOf(job slipway.Job) int {
	timeout := false
	if n := len(job.Attempts); n > 0 {
		timeout = strings.HasPrefix(job.Attempts[n-1].Reason, slipway.ReasonTimeout)
	}
	switch {
	case job.Status == slipway.JobSucceeded:
		return 0
	case timeout:
		return statusTimeout
	case job.ExitCode != nil && *job.ExitCode > 0 && *job.ExitCode < 256:
		return *job.ExitCode
	}
	return 1
}

// followJob prints what a job prints until it has ended.
func followJob(cmd *cobra.Command, client *sdk.Client, id string) error {
	ctx := cmd.Context()
	err := client.JobLogs(ctx, id, sdk.JobLogQuery{Follow: true}, jobLineWriter(cmd, false))
	var job slipway.Job
	if err == nil {
		job, err = client.WaitJob(ctx, id)
	}
	if ctx.Err() != nil {
		return goesOn(cmd, []string{id})
	}
	if err != nil {
		return err
	}
	return endOf(cmd, []slipway.Job{job})
}

// shortDuration is a duration as people read it.
func shortDuration(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
