package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
)

func newInstancesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "instances NAME",
		Short: "List the running instances of a function, and what they use",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return listInstances(cmd, args[0]) },
	}
	addOutputFlag(cmd)
	return cmd
}

func listInstances(cmd *cobra.Command, function string) error {
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	instances, err := client.Instances(cmd.Context(), function)
	if err != nil {
		return err
	}
	t := newTable("INSTANCE", "VERSION", "STATE", "EVENTS", "SERVED", "CPU", "MEMORY", "PEAK", "STARTED", "INVOKER")
	for _, i := range instances {
		cpu := time.Duration(i.CPUSeconds * float64(time.Second)).Round(time.Millisecond)
		t.row(orDash(i.ID), i.Version, stateCell(i.State), i.InFlight, i.Served, cpu,
			fmt.Sprintf("%d MiB", i.MemoryMB), fmt.Sprintf("%d MiB", i.MemoryPeakMB), ago(i.StartedAt), i.Invoker)
	}
	return show(cmd, slipway.List[slipway.InstanceInfo]{Items: instances}, t)
}

func stateCell(state slipway.InstanceState) cell {
	switch state {
	case slipway.InstanceIdle, slipway.InstanceBusy:
		return cell{string(state), green}
	case slipway.InstanceStarting, slipway.InstanceStopping:
		return cell{string(state), yellow}
	default:
		return cell{string(state), plain}
	}
}
