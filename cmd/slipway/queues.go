package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

func newQueuesCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "queues", Aliases: []string{"queue"}, Short: "Queues of jobs: priorities, fair shares and limits"}
	return group(cmd,
		listCommand("list", "List queues by name", func(cmd *cobra.Command, c *sdk.Client) (any, *table, error) {
			all, err := c.Queues(cmd.Context())
			return listOf(all), queueTable(all), err
		}),
		newQueuesPutCommand(),
		showCommand("Show a queue", func(cmd *cobra.Command, c *sdk.Client, name string) (any, *table, error) {
			q, err := c.Queue(cmd.Context(), name)
			return q, queueTable([]slipway.Queue{q}), err
		}),
		deleteCommand("Delete a queue that has no jobs which have not ended", func(cmd *cobra.Command, c *sdk.Client, name string) error {
			return c.DeleteQueue(cmd.Context(), name)
		}),
	)
}

func newQueuesPutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "put NAME",
		Short: "Make a queue, or change one; what is not said stays as it is",
		Example: `  slipway queues put night --priority -5 --environment default
  slipway queues put teams --fair --share team-a=1 --share team-b=2
  slipway queues put night --state disabled      # takes no new jobs, finishes those it has`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return putQueue(cmd, args[0]) },
	}
	f := cmd.Flags()
	f.Int("priority", 0, "higher first among queues that share an environment")
	f.StringSlice("environment", nil, "compute environments, tried in this order, 1 to 3")
	f.String("state", "", "enabled or disabled: takes no new jobs, finishes those it has")
	f.Bool("fair", false, "fair shares instead of first in, first out")
	f.StringArray("share", nil, "SHARE=WEIGHT of a fair queue: usage counts times the weight, so a lower one gets more")
	f.Duration("decay", 0, "half of the usage of a share is forgotten after it")
	f.Int("reservation", 0, "percent kept for shares that are not active, as in AWS Batch")
	f.Int("max-running", 0, "jobs and children that run at once; 0 is no limit")
	f.StringArray("key-limit", nil, "KEY=N: jobs with this limit key that run at once; * is every key that is not named")
	f.String("preemption", "", "while functions want the machine, its jobs: freeze, requeue or never yield")
	addFileFlag(cmd)
	addOutputFlag(cmd)
	return cmd
}

func putQueue(cmd *cobra.Command, name string) error {
	doc, err := readDocument(cmd)
	if err != nil {
		return err
	}
	err = applyFlags(cmd, doc, map[string]field{
		"priority": {"priority", asNumber}, "environment": {"compute_environments", asList}, "state": {"state", asText},
		"fair": {"policy.type", asPolicy}, "share": {"policy.shares", asNumbers}, "decay": {"policy.decay", asText},
		"reservation": {"policy.reservation", asNumber}, "max-running": {"max_running", asNumber},
		"key-limit": {"key_limits", asNumbers}, "preemption": {"preemption", asText},
	})
	if err != nil {
		return err
	}
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	q, err := client.PutQueue(cmd.Context(), name, doc)
	if err != nil {
		return err
	}
	return show(cmd, q, queueTable([]slipway.Queue{q}))
}

func asPolicy(f *pflag.Flag) (any, error) {
	if f.Value.String() == "true" {
		return "fair", nil
	}
	return "fifo", nil
}

// asNumbers reads NAME=NUMBER.
func asNumbers(f *pflag.Flag) (any, error) {
	pairs, err := asPairs(f)
	if err != nil {
		return nil, err
	}
	numbers := pairs.(map[string]any)
	for name, text := range numbers {
		n, err := strconv.ParseFloat(text.(string), 64)
		if err != nil {
			return nil, fmt.Errorf("%q of %s is not a number", text, name)
		}
		numbers[name] = n
	}
	return numbers, nil
}

func queueTable(queues []slipway.Queue) *table {
	t := newTable("NAME", "PRIORITY", "STATE", "POLICY", "ENVIRONMENTS", "MAX RUNNING", "PREEMPTION")
	for _, q := range queues {
		limit := "-"
		if q.MaxRunning > 0 {
			limit = strconv.Itoa(q.MaxRunning)
		}
		t.row(q.Name, q.Priority, switchCell(q.State), policyText(q.Policy), strings.Join(q.ComputeEnvironments, ","), limit, q.Preemption)
	}
	return t
}

func policyText(p slipway.QueuePolicy) string {
	if len(p.Shares) == 0 {
		return p.Type
	}
	var shares []string
	for _, name := range slices.Sorted(maps.Keys(p.Shares)) {
		shares = append(shares, fmt.Sprintf("%s=%v", name, p.Shares[name]))
	}
	return p.Type + " " + strings.Join(shares, ",")
}

func switchCell(s slipway.SwitchState) cell {
	if s == slipway.Disabled {
		return cell{string(s), yellow}
	}
	return cell{string(s), green}
}
