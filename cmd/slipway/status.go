package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
)

func newStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the gateway's health, the invokers and the functions",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return showStatus(cmd) },
	}
	addOutputFlag(cmd)
	return cmd
}

func showStatus(cmd *cobra.Command) error {
	asJSON, err := wantsJSON(cmd)
	if err != nil {
		return err
	}
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	s, err := client.Status(cmd.Context())
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if asJSON {
		return writeJSON(out, s)
	}
	health := newTable("GATEWAY", "URL", "BUILD", "STARTED", "STORE", "INVOKERS")
	health.row(s.Gateway, client.URL(), orDash(s.Build), ago(s.StartedAt), okOr(s.Store), invokerCount(s))
	for _, t := range []*table{health, invokerTable(s), functionTable(s)} {
		if len(t.rows) == 0 {
			continue
		}
		if err := t.write(out); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	return nil
}

func okOr(state string) cell {
	if state == "ok" {
		return cell{state, green}
	}
	return cell{oneLine(state), red}
}

func invokerCount(s slipway.Status) cell {
	if len(s.Invokers) == 0 {
		return cell{"none: nothing can run", red}
	}
	return cell{fmt.Sprint(len(s.Invokers)), green}
}

func invokerTable(s slipway.Status) *table {
	t := newTable("INVOKER", "HOST", "BUILD", "VCPUS", "MEMORY", "FREE", "INSTANCES", "JOBS", "STATE")
	for _, i := range s.Invokers {
		instances := 0
		for _, v := range i.Versions {
			instances += v.Instances
		}
		state := cell{"ready", green}
		if i.Draining {
			state = cell{"draining", yellow}
		}
		t.row(i.ID, i.Host, orDash(i.Build), i.CPU, fmt.Sprintf("%d MiB", i.MemoryMB), fmt.Sprintf("%d MiB", i.FreeMemoryMB), instances, jobCount(i.Jobs), state)
	}
	return t
}

// jobCount says how many jobs an invoker runs, and how many of them stand still.
func jobCount(room *slipway.JobRoom) string {
	switch {
	case room == nil:
		return "-"
	case room.Frozen > 0:
		return fmt.Sprintf("%d, %d frozen", room.Running, room.Frozen)
	}
	return fmt.Sprint(room.Running)
}

func functionTable(s slipway.Status) *table {
	t := newTable("FUNCTION", "LIVE", "INSTANCES", "FREE", "WAITING", "EVENTS", "FUNCTION ERRORS", "PLATFORM ERRORS")
	for _, f := range s.Functions {
		t.row(f.Function, f.Live, f.Instances, f.Free, f.Waiting, f.Events, errorCount(f.FunctionErrors, yellow), errorCount(f.PlatformErrors, red))
	}
	return t
}

// errorCount is a number that is worth a colour when it is not zero.
func errorCount(n int64, c color) cell {
	if n == 0 {
		c = plain
	}
	return cell{fmt.Sprint(n), c}
}
