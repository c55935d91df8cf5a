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

func newAliasCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "alias", Aliases: []string{"aliases"}, Short: "Names of versions, and traffic split between two", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }, // an unknown word is an error so
	}
	cmd.AddCommand(newAliasSetCommand(), newAliasListCommand(), newAliasShowCommand(), newAliasDeleteCommand())
	return cmd
}

func newAliasSetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set NAME ALIAS VERSION [VERSION=WEIGHT]",
		Short: "Make or move an alias",
		Example: `  slipway alias set hello live 3 4=0.1              # a tenth of the events goes to version 4
  slipway alias set hello live 3 4 --canary 10%,50%  # and more by and by, as long as it does no worse`,
		Args: cobra.RangeArgs(3, 4),
		RunE: func(cmd *cobra.Command, args []string) error { return setAlias(cmd, args[0], args[1], args[2:]) },
	}
	addCanaryFlags(cmd)
	addOutputFlag(cmd)
	return cmd
}

func setAlias(cmd *cobra.Command, name, alias string, shares []string) error {
	plan, err := canaryPlan(cmd)
	if err != nil {
		return err
	}
	if plan != nil && len(shares) == 2 && !strings.Contains(shares[1], "=") {
		shares[1] = fmt.Sprintf("%s=%v", shares[1], plan.Share())
	}
	version, weights, err := parseShares(shares)
	if err != nil {
		return err
	}
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	a, err := client.PutAlias(cmd.Context(), name, alias, sdk.AliasTarget{Version: version, Weights: weights, Canary: plan})
	if err != nil {
		return err
	}
	return show(cmd, a, aliasTable([]slipway.Alias{a}))
}

// parseShares reads VERSION and VERSION=WEIGHT, in any order.
func parseShares(shares []string) (version int, weights map[int]float64, err error) {
	for _, share := range shares {
		number, weight, split := strings.Cut(share, "=")
		n, err := versionNumber(number)
		if err != nil {
			return 0, nil, err
		}
		if !split && version == 0 {
			version = n
			continue
		}
		w, err := strconv.ParseFloat(weight, 64)
		if err != nil || weights != nil || !(w >= 0 && w <= 1) {
			return 0, nil, usageError{slipway.Errorf(slipway.ErrInvalid, "%q: write one version, and another one with its share between 0 and 1, as in 3 4=0.1", share)}
		}
		weights = map[int]float64{n: w}
	}
	if version == 0 {
		return 0, nil, usageError{slipway.Errorf(slipway.ErrInvalid, "one version must stand without a weight, as in 3 4=0.1: it gets what is left")}
	}
	return version, weights, nil
}

func newAliasListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list NAME",
		Short: "List the aliases of a function",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			aliases, err := client.Aliases(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return show(cmd, listOf(aliases), aliasTable(aliases))
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func newAliasShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show NAME ALIAS",
		Short: "Show an alias, and how its canary does",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			a, err := client.Alias(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			return show(cmd, a, aliasTable([]slipway.Alias{a}))
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func aliasTable(aliases []slipway.Alias) *table {
	t := newTable("ALIAS", "VERSION", "SPLIT", "BEFORE", "SINCE", "BY", "CANARY")
	for _, a := range aliases {
		split, before := "-", "-"
		if version, weight := a.Other(); version > 0 {
			split = fmt.Sprintf("%.4g%% to version %d", weight*100, version)
		}
		if a.Previous > 0 {
			before = fmt.Sprint(a.Previous)
		}
		t.row(a.Name, a.Version, split, before, ago(a.MovedAt), orDash(string(a.MovedBy)), canaryText(a))
	}
	return t
}

// canaryText says where a canary is and how it does.
func canaryText(a slipway.Alias) string {
	if a.Canary == nil {
		return "-"
	}
	text := fmt.Sprintf("step %d of %d", a.Canary.Step+1, len(a.Canary.Steps))
	if p := a.Progress; p != nil {
		text += fmt.Sprintf(", %s beside %s", outcomes(p.Canary), outcomes(p.Current))
		if p.Waits != "" {
			text += " (" + p.Waits + ")"
		}
	}
	return text
}

// outcomes is what a version did in the step.
func outcomes(p slipway.VersionProgress) string {
	return fmt.Sprintf("%d errors of %d events, p95 %s", p.Errors, p.Events, p.P95)
}

func newAliasDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME ALIAS",
		Short: "Delete an alias; live cannot be deleted",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			return client.DeleteAlias(cmd.Context(), args[0], args[1])
		},
	}
}
