package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

func newEnvironmentsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "environments", Aliases: []string{"environment"}, Short: "Compute environments: the capacity that queues use"}
	return group(cmd,
		listCommand("list", "List compute environments by name", func(cmd *cobra.Command, c *sdk.Client) (any, *table, error) {
			all, err := c.Environments(cmd.Context())
			return listOf(all), environmentTable(all), err
		}),
		newEnvironmentsPutCommand(),
		showCommand("Show a compute environment", func(cmd *cobra.Command, c *sdk.Client, name string) (any, *table, error) {
			e, err := c.Environment(cmd.Context(), name)
			return e, environmentTable([]slipway.ComputeEnvironment{e}), err
		}),
		deleteCommand("Delete a compute environment that no queue uses", func(cmd *cobra.Command, c *sdk.Client, name string) error {
			return c.DeleteEnvironment(cmd.Context(), name)
		}),
	)
}

func newEnvironmentsPutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "put NAME",
		Short: "Make a compute environment, or change one; what is not said stays as it is",
		Example: `  slipway environments put small --type managed --max-vcpus 2
  slipway environments put gpu --invokers 'gpu-*'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return putEnvironment(cmd, args[0]) },
	}
	f := cmd.Flags()
	f.String("type", "", "managed (at most --max-vcpus of the invokers) or unmanaged (all that they have)")
	f.Float64("min-vcpus", 0, "kept for jobs even when there are none")
	f.Float64("max-vcpus", 0, "used at once at most; 0 with unmanaged is no bound")
	f.String("state", "", "enabled or disabled: begins no new jobs, finishes those it has")
	f.StringSlice("invokers", nil, "ids of its invokers, a trailing * matches any rest; none is all")
	addFileFlag(cmd)
	addOutputFlag(cmd)
	return cmd
}

func putEnvironment(cmd *cobra.Command, name string) error {
	doc, err := readDocument(cmd)
	if err != nil {
		return err
	}
	err = applyFlags(cmd, doc, map[string]field{
		"type": {"type", asText}, "min-vcpus": {"min_vcpus", asNumber}, "max-vcpus": {"max_vcpus", asNumber},
		"state": {"state", asText}, "invokers": {"invokers", asList},
	})
	if err != nil {
		return err
	}
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	e, err := client.PutEnvironment(cmd.Context(), name, doc)
	if err != nil {
		return err
	}
	return show(cmd, e, environmentTable([]slipway.ComputeEnvironment{e}))
}

func environmentTable(environments []slipway.ComputeEnvironment) *table {
	t := newTable("NAME", "TYPE", "STATE", "VCPUS", "USED", "DESIRED", "INVOKERS")
	for _, e := range environments {
		most := "all"
		if e.MaxVCPUs > 0 {
			most = fmt.Sprint(e.MaxVCPUs)
		}
		t.row(e.Name, e.Type, switchCell(e.State), fmt.Sprintf("%v to %s", e.MinVCPUs, most), e.Used, e.Desired, orAll(e.Invokers))
	}
	return t
}

func orAll(names []string) string {
	if len(names) == 0 {
		return "all"
	}
	return strings.Join(names, ",")
}
