package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
)

func newVersionsCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "versions NAME",
		Short: "List the versions of a function, newest first",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return listVersions(cmd, args[0], limit)
		},
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "versions at most, 1 to 1000")
	addOutputFlag(cmd)
	return cmd
}

func listVersions(cmd *cobra.Command, name string, limit int) error {
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	f, err := client.Function(cmd.Context(), name)
	if err != nil {
		return err
	}
	live := slipway.Alias{}
	if f.Live > 0 {
		if live, err = client.Alias(cmd.Context(), name, slipway.LiveAlias); err != nil {
			return err
		}
	}
	list, err := client.Versions(cmd.Context(), name, slipway.Page{Limit: limit})
	if err != nil {
		return err
	}
	t := newTable("VERSION", "LIVE", "STATE", "RUNTIME", "PROTOCOL", "IMAGE", "CREATED", "REASON")
	for _, v := range list.Items {
		t.row(v.Number, liveMark(v, live), versionState(v), orDash(string(v.Runtime)), orDash(string(v.Protocol)),
			orDash(shortDigest(v.Digest)), ago(v.CreatedAt), oneLine(v.Reason))
	}
	return show(cmd, list, t)
}

// liveMark is what a version has of live's events.
func liveMark(v slipway.Version, live slipway.Alias) cell {
	other, share := live.Other()
	switch {
	case v.Number == live.Version && other == 0:
		return cell{"live", green}
	case v.Number == live.Version:
		return cell{fmt.Sprintf("live %.4g%%", 100*(1-share)), green}
	case v.Number == other:
		return cell{fmt.Sprintf("live %.4g%%", 100*share), yellow}
	default:
		return cell{"-", plain}
	}
}

func versionState(v slipway.Version) cell {
	switch v.State {
	case slipway.VersionFailed:
		return cell{string(v.State), red}
	case slipway.VersionBuilding:
		return cell{string(v.State), yellow}
	default:
		return cell{string(v.State), plain}
	}
}

// shortDigest is enough of a digest to tell images apart.
func shortDigest(digest string) string {
	_, hex, ok := strings.Cut(digest, ":")
	if !ok {
		return digest
	}
	return hex[:min(12, len(hex))]
}
