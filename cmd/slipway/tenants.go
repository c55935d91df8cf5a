package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
)

func newTenantsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tenants",
		Short: "List tenants and their limits",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			tenants, err := client.Tenants(cmd.Context())
			if err != nil {
				return err
			}
			return show(cmd, listOf(tenants), tenantTable(tenants))
		},
	}
	addOutputFlag(cmd)
	cmd.AddCommand(newTenantsSetCommand(), newTenantsShowCommand(), newTenantsDeleteCommand())
	return cmd
}

func newTenantsSetCommand() *cobra.Command {
	var most int
	cmd := &cobra.Command{
		Use:     "set NAME --max-concurrency N",
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

func newTenantsShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show a tenant",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			t, err := client.Tenant(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return show(cmd, t, tenantTable([]slipway.Tenant{t}))
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func newTenantsDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a tenant that has no functions, with its keys",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			return client.DeleteTenant(cmd.Context(), args[0])
		},
	}
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
