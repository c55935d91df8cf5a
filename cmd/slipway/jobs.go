package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

func newJobsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "jobs", Aliases: []string{"job"}, Short: "Batch jobs: submit them, follow them, end them"}
	return group(cmd, newJobsListCommand(), newJobsSubmitCommand(), newJobsShowCommand(), newJobsLogsCommand(),
		newJobsWaitCommand(), newJobsExplainCommand(), newJobsOutputCommand(), newJobsGraphCommand(),
		newJobsEndCommand("cancel", "End a job that does not run yet", (*sdk.Client).CancelJob),
		newJobsEndCommand("terminate", "End a job, also one that runs: SIGTERM, and SIGKILL 30 seconds later", (*sdk.Client).TerminateJob),
	)
}

func newJobsListCommand() *cobra.Command {
	var filter slipway.JobFilter
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List jobs, newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter.Status = slipway.JobStatus(strings.ToUpper(string(filter.Status)))
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			list, err := client.Jobs(cmd.Context(), filter, slipway.Page{Limit: limit})
			if err != nil {
				return err
			}
			if err := show(cmd, list, jobTable(list.Items)); err != nil {
				return err
			}
			sayMore(cmd, list.Next, "--limit and --status choose others")
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&filter.Queue, "queue", "", "of this queue")
	f.StringVar((*string)(&filter.Status), "status", "", "SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED or FAILED")
	f.StringVar(&filter.Name, "name", "", "with this name; a trailing * matches any rest")
	f.StringVar(&filter.Parent, "parent", "", "children of this array")
	f.IntVarP(&limit, "limit", "n", 100, "so many at most, 1 to 1000")
	addOutputFlag(cmd)
	return cmd
}

func jobTable(jobs []slipway.Job) *table {
	t := newTable("ID", "NAME", "QUEUE", "STATUS", "CHILDREN", "CREATED", "REASON")
	for _, j := range jobs {
		t.row(j.ID, j.Name, j.Queue, statusCell(j.Status), childrenText(j), ago(j.CreatedAt), orDash(shortened(oneLine(j.StatusReason), 60)))
	}
	return t
}

// childrenText is how far an array has come.
func childrenText(j slipway.Job) string {
	if j.Array == nil || j.Array.Index != nil {
		return "-"
	}
	c := j.Array.Counts
	text := fmt.Sprintf("%d/%d", c[slipway.JobSucceeded]+c[slipway.JobFailed], j.Array.Size)
	if c[slipway.JobFailed] > 0 {
		text += fmt.Sprintf(" (%d failed)", c[slipway.JobFailed])
	}
	return text
}

func statusCell(s slipway.JobStatus) cell {
	switch s {
	case slipway.JobSucceeded:
		return cell{string(s), green}
	case slipway.JobFailed:
		return cell{string(s), red}
	case slipway.JobRunning, slipway.JobStarting:
		return cell{string(s), yellow}
	}
	return cell{string(s), plain}
}

func newJobsShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show a job with its attempts; a child of an array is ID:INDEX",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			job, err := client.Job(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON, err := wantsJSON(cmd); err != nil || asJSON {
				if err == nil {
					err = writeJSON(cmd.OutOrStdout(), job)
				}
				return err
			}
			if err := jobTable([]slipway.Job{job}).write(cmd.OutOrStdout()); err != nil || len(job.Attempts) == 0 {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout())
			return attemptTable(job.Attempts).write(cmd.OutOrStdout())
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func attemptTable(attempts []slipway.JobAttempt) *table {
	t := newTable("ATTEMPT", "EXIT", "TOOK", "CPU", "MEMORY PEAK", "OF", "INVOKER", "REASON")
	for _, a := range attempts {
		exit, took := "-", "-"
		if a.ExitCode != nil {
			exit = strconv.Itoa(*a.ExitCode)
		}
		if a.StartedAt != nil && a.StoppedAt != nil {
			took = shortDuration(a.StoppedAt.Sub(*a.StartedAt))
		}
		reason := a.Reason
		if a.Lost {
			reason = strings.TrimSpace(reason + " (not counted)")
		}
		t.row(a.Attempt, exit, took, fmt.Sprintf("%.3fs", a.CPUSeconds), fmt.Sprintf("%d MiB", a.MemoryPeakMB), fmt.Sprintf("%d MiB", a.MemoryMB), orDash(shortened(a.Invoker, 20)), orDash(oneLine(reason)))
	}
	return t
}

// newJobsEndCommand is a command that ends jobs.
func newJobsEndCommand(verb, short string, end endFunc) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   verb + " ID…",
		Short: short,
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			var ended []slipway.Job
			for _, id := range args {
				job, err := end(client, cmd.Context(), id, reason)
				if err != nil {
					return err
				}
				ended = append(ended, job)
			}
			return show(cmd, slipway.List[slipway.Job]{Items: ended}, jobTable(ended))
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "kept with the job")
	addOutputFlag(cmd)
	return cmd
}

func newJobsExplainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain ID",
		Short: "Say why a job waits, in numbers",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			e, err := client.ExplainJob(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON, err := wantsJSON(cmd); err != nil || asJSON {
				if err == nil {
					err = writeJSON(cmd.OutOrStdout(), e)
				}
				return err
			}
			return writeExplanation(cmd, e)
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func writeExplanation(cmd *cobra.Command, e slipway.Explanation) error {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "%s: %s\n", e.Status, e.Reason)
	for _, b := range e.Blocks {
		fmt.Fprintf(w, "  %-12s %s\n", b.Kind, b.Text)
	}
	if e.Ahead > 0 {
		fmt.Fprintf(w, "%d are served before it\n", e.Ahead)
	}
	if len(e.Invokers) == 0 {
		return nil
	}
	t := newTable("INVOKER", "FREE CPU", "FREE MEMORY")
	for _, r := range e.Invokers {
		t.row(r.Invoker, fmt.Sprintf("%.2f", r.FreeCPU), fmt.Sprintf("%d MiB", r.FreeMemoryMB))
	}
	return t.write(w)
}
