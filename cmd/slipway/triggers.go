package main

import (
	"cmp"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

func newTriggersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "triggers",
		Aliases: []string{"trigger"},
		Short:   "List what sets functions and jobs off: times, NATS messages, webhooks",
	}
	return group(cmd,
		listCommand("list", "List triggers by name", func(cmd *cobra.Command, c *sdk.Client) (any, *table, error) {
			all, err := c.Triggers(cmd.Context())
			return listOf(all), triggerTable(all), err
		}),
		newTriggersPutCommand(),
		showCommand("Show a trigger and what it did last", func(cmd *cobra.Command, c *sdk.Client, name string) (any, *table, error) {
			t, err := c.Trigger(cmd.Context(), name)
			return t, triggerDetails(t, c.URL()), err
		}),
		deleteCommand("Delete a trigger; what it has set off goes on", func(cmd *cobra.Command, c *sdk.Client, name string) error {
			return c.DeleteTrigger(cmd.Context(), name)
		}),
		newTriggersFireCommand(),
	)
}

func newTriggersFireCommand() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:     "fire NAME",
		Short:   "Set a trigger off now, for trying",
		Example: "  slipway triggers fire nightly\n  slipway triggers fire orders -d '{\"id\":7}'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			event, err := readData(data, cmd.InOrStdin())
			if err != nil {
				return err
			}
			f, err := client.FireTrigger(cmd.Context(), args[0], event)
			if err != nil {
				return err
			}
			t := newTable("TRIGGER", "INVOCATION", "JOB")
			t.row(f.Trigger, orDash(f.Invocation), orDash(f.Job))
			return show(cmd, f, t)
		},
	}
	cmd.Flags().StringVarP(&data, "data", "d", "", "the event, or @FILE, or @- for standard input")
	addOutputFlag(cmd)
	return cmd
}

func triggerTable(triggers []slipway.Trigger) *table {
	t := newTable("NAME", "TYPE", "WHEN", "TARGET", "NEXT", "LAST", "FIRED", "STATE")
	for _, one := range triggers {
		t.row(one.Name, one.Type, triggerWhen(one), triggerTarget(one), soon(one.Status.NextAt), lastFired(one), one.Status.Fired, triggerState(one))
	}
	return t
}

func triggerWhen(t slipway.Trigger) string {
	switch {
	case t.Cron != nil:
		return t.Cron.Schedule + " " + cmp.Or(t.Cron.TimeZone, "UTC")
	case t.NATS != nil && t.NATS.Stream != "":
		return t.NATS.Subject + " of stream " + t.NATS.Stream
	case t.NATS != nil:
		return t.NATS.Subject
	case t.Webhook != nil && t.Webhook.Sync:
		return "signature " + t.Webhook.Signature + ", sync"
	case t.Webhook != nil:
		return "signature " + t.Webhook.Signature
	default:
		return "-"
	}
}

func triggerTarget(t slipway.Trigger) string {
	switch {
	case t.Job != nil:
		return "job " + t.Job.Definition
	case t.Qualifier != "":
		return t.Function + ":" + t.Qualifier
	default:
		return t.Function
	}
}

func triggerState(t slipway.Trigger) cell {
	switch {
	case !t.Enabled:
		return cell{"disabled", yellow}
	case t.Status.LastError != "":
		return cell{oneLine(t.Status.LastError), red}
	default:
		return cell{"ok", green}
	}
}

func lastFired(t slipway.Trigger) string {
	if t.Status.LastFired == nil {
		return "-"
	}
	return ago(*t.Status.LastFired)
}

// soon is a moment to come as people say it.
func soon(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return "in " + max(time.Until(*at), 0).Round(time.Second).String()
}

// missedText is what happens to missed times; those that are let go have no bound.
func missedText(c slipway.CronTrigger) string {
	if c.Missed == slipway.MissedSkip {
		return c.Missed
	}
	return fmt.Sprintf("%s, at most %v late", c.Missed, c.MaxLate)
}

// triggerDetails is one fact a line.
func triggerDetails(t slipway.Trigger, url string) *table {
	d := newTable("FIELD", "VALUE")
	d.row("name", t.Name)
	d.row("type", t.Type)
	d.row("when", triggerWhen(t))
	d.row("target", triggerTarget(t))
	if t.Cron != nil {
		d.row("missed", missedText(*t.Cron))
		if t.Status.NextAt != nil {
			d.row("next", t.Status.NextAt.Format(time.RFC3339))
		}
	}
	if t.Webhook != nil {
		d.row("url", fmt.Sprintf("%s/v1/hooks/%s/%s", url, t.Tenant, t.Name))
	}
	d.row("fired", t.Status.Fired)
	d.row("last", lastFired(t))
	d.row("last result", orDash(t.Status.LastResult))
	d.row("state", triggerState(t))
	return d
}
