package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

func newTenantsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "tenants", Aliases: []string{"tenant"}, Short: "List tenants and their limits"}
	return group(cmd,
		listCommand("list", "List tenants by name", func(cmd *cobra.Command, c *sdk.Client) (any, *table, error) {
			all, err := c.Tenants(cmd.Context())
			return listOf(all), tenantTable(all), err
		}),
		newTenantsSetCommand(),
		showCommand("Show a tenant", func(cmd *cobra.Command, c *sdk.Client, name string) (any, *table, error) {
			t, err := c.Tenant(cmd.Context(), name)
			return t, tenantTable([]slipway.Tenant{t}), err
		}),
		deleteCommand("Delete a tenant that has no functions, with its keys", func(cmd *cobra.Command, c *sdk.Client, name string) error {
			return c.DeleteTenant(cmd.Context(), name)
		}),
	)
}

func newTenantsSetCommand() *cobra.Command {
	var most int
	cmd := &cobra.Command{
		Use:     "set NAME --max-concurrency N",
		Aliases: []string{"put"}, // as of queues and triggers
		Short:   "Make a tenant, or set its limits",
		Example: "  slipway tenants set default --max-concurrency 200",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			t, err := client.PutTenant(cmd.Context(), args[0], most)
			if err != nil {
				return err
			}
			return show(cmd, t, tenantTable([]slipway.Tenant{t}))
		},
	}
	cmd.Flags().IntVar(&most, "max-concurrency", 0, "events of all its functions in flight at once; 0 is no limit")
	addOutputFlag(cmd)
	return cmd
}

func tenantTable(tenants []slipway.Tenant) *table {
	t := newTable("NAME", "MAX CONCURRENCY", "CREATED")
	for _, tenant := range tenants {
		most := "no limit"
		if tenant.MaxConcurrency > 0 {
			most = fmt.Sprint(tenant.MaxConcurrency)
		}
		t.row(tenant.Name, most, ago(tenant.CreatedAt))
	}
	return t
}
