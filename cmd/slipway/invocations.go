package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

func newInvocationsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "invocations",
		Aliases: []string{"invocation"},
		Short:   "Asynchronous events: list, show, wait, cancel, redrive, replay",
	}
	return group(cmd, newInvocationsListCommand(), newInvocationsShowCommand(), newInvocationsWaitCommand(), newInvocationsEventCommand(),
		newInvocationsCancelCommand(), newInvocationsRedriveCommand(), newInvocationsReplayCommand(), newWebhookKeyCommand())
}

func newInvocationsListCommand() *cobra.Command {
	var f slipway.InvocationFilter
	var states []string
	var dead bool
	var since time.Duration
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List invocations, newest first",
		Example: "  slipway invocations list --dead --function resize --since 24h",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dead {
				states = append(states, string(slipway.InvocationFailed), string(slipway.InvocationExpired))
			}
			for _, s := range states {
				f.States = append(f.States, slipway.InvocationState(s))
			}
			if since > 0 {
				f.Since = time.Now().Add(-since)
			}
			return listInvocations(cmd, f, limit)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Function, "function", "", "of this function only")
	flags.StringSliceVar(&states, "state", nil, "queued, running, succeeded, failed, expired, cancelled")
	flags.BoolVar(&dead, "dead", false, "the dead letters: failed and expired")
	flags.DurationVar(&since, "since", 0, "accepted so long ago at most, as in 10m")
	flags.IntVarP(&limit, "limit", "n", 100, "so many at most, 1 to 1000")
	addOutputFlag(cmd)
	return cmd
}

func listInvocations(cmd *cobra.Command, f slipway.InvocationFilter, limit int) error {
	client, err := newClient(os.Getenv)
	if err != nil {
		return err
	}
	list, err := client.Invocations(cmd.Context(), f, slipway.Page{Limit: limit})
	if err != nil {
		return err
	}
	if err := show(cmd, list, invocationTable(list.Items)); err != nil {
		return err
	}
	sayMore(cmd, list.Next, "--limit and --since choose others")
	return nil
}

func invocationTable(all []slipway.Invocation) *table {
	t := newTable("ID", "FUNCTION", "VERSION", "STATE", "ACCEPTED", "NEXT", "ERROR")
	for _, i := range all {
		next := "-"
		if i.NextAt != nil && time.Until(*i.NextAt) > 0 {
			next = "in " + time.Until(*i.NextAt).Round(time.Second).String()
		}
		t.row(i.ID, i.Function, versionText(i.Version), invocationState(i.State), ago(i.AcceptedAt), next, orDash(errorText(i.Error)))
	}
	return t
}

func versionText(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func invocationState(s slipway.InvocationState) cell {
	switch s {
	case slipway.InvocationSucceeded:
		return cell{string(s), green}
	case slipway.InvocationFailed, slipway.InvocationExpired:
		return cell{string(s), red}
	case slipway.InvocationCancelled:
		return cell{string(s), yellow}
	}
	return cell{string(s), plain}
}

func errorText(e *slipway.InvocationError) string {
	if e == nil {
		return ""
	}
	return oneLine(e.Type + ": " + e.Message)
}

// oneInvocation is a command about one invocation, which do gives to be shown.
func oneInvocation(use, short string, do func(cmd *cobra.Command, c *sdk.Client, id string) (slipway.Invocation, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			asJSON, err := wantsJSON(cmd)
			if err != nil {
				return err
			}
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			i, err := do(cmd, client, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), i)
			}
			return writeInvocation(cmd.OutOrStdout(), i)
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func newInvocationsShowCommand() *cobra.Command {
	return oneInvocation("show ID", "Show an invocation: its attempts, its result, where its outcome goes",
		func(cmd *cobra.Command, c *sdk.Client, id string) (slipway.Invocation, error) {
			return c.Invocation(cmd.Context(), id)
		})
}

func newInvocationsCancelCommand() *cobra.Command {
	return oneInvocation("cancel ID", "Cancel an invocation: at once when it is queued, soon when it runs",
		func(cmd *cobra.Command, c *sdk.Client, id string) (slipway.Invocation, error) {
			return c.CancelInvocation(cmd.Context(), id)
		})
}

func newInvocationsWaitCommand() *cobra.Command {
	cmd := oneInvocation("wait ID", "Wait until an invocation has its outcome, and show it",
		func(cmd *cobra.Command, c *sdk.Client, id string) (slipway.Invocation, error) {
			return c.AwaitInvocation(cmd.Context(), id)
		})
	cmd.Long = cmd.Short + ".\n\nExit status 1 means that it did not succeed."
	shown := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := shown(cmd, args); err != nil {
			return err
		}
		client, err := newClient(os.Getenv)
		if err != nil {
			return err
		}
		if i, err := client.Invocation(cmd.Context(), args[0]); err != nil || i.State == slipway.InvocationSucceeded {
			return err
		}
		return errSaid
	}
	return cmd
}

func newInvocationsEventCommand() *cobra.Command {
	return &cobra.Command{
		Use: "event ID", Short: "Write the event of an invocation to standard output, as it was accepted", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			event, _, err := client.InvocationEvent(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer event.Close()
			return copyAnswer(cmd.OutOrStdout(), event)
		},
	}
}

func newInvocationsRedriveCommand() *cobra.Command {
	var function string
	cmd := &cobra.Command{
		Use:     "redrive ID | --function NAME",
		Short:   "Run the event of a dead invocation again, as a new one; or those of all dead invocations of a function",
		Example: "  slipway invocations redrive --function resize",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (function != "") {
				return usageError{slipway.Errorf(slipway.ErrInvalid, "redrive takes the id of an invocation, or --function")}
			}
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			if function != "" {
				n, err := client.RedriveFunction(cmd.Context(), function)
				if err != nil {
					return err
				}
				t := newTable("REDRIVEN")
				t.row(n)
				return show(cmd, map[string]int{"redriven": n}, t)
			}
			i, err := client.RedriveInvocation(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return show(cmd, i, invocationTable([]slipway.Invocation{i}))
		},
	}
	cmd.Flags().StringVar(&function, "function", "", "all failed and expired invocations of this function that were not redriven yet")
	addOutputFlag(cmd)
	return cmd
}

func newInvocationsReplayCommand() *cobra.Command {
	var version int
	cmd := &cobra.Command{
		Use:   "replay ID [--version N]",
		Short: "Run a recorded event again, and show the new outcome beside the recorded one",
		Long: `Run a recorded event again, on a candidate version if one is named, and show the new
outcome beside the recorded one. Nothing of it is kept, retried or delivered.

Exit status 1 means that the outcomes differ.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			asJSON, err := wantsJSON(cmd)
			if err != nil {
				return err
			}
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			r, err := client.ReplayInvocation(cmd.Context(), args[0], version)
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), r)
			} else {
				err = writeReplay(cmd.OutOrStdout(), r)
			}
			if err == nil && !r.Equal {
				err = errSaid
			}
			return err
		},
	}
	cmd.Flags().IntVar(&version, "version", 0, "number of the version that runs it (default: what the event's own qualifier names now)")
	addOutputFlag(cmd)
	return cmd
}

func writeReplay(w io.Writer, r slipway.Replay) error {
	t := newTable("", "RECORDED", "NOW")
	a, b := r.Recorded, r.Replayed
	t.row("version", versionText(a.Version), versionText(b.Version))
	t.row("state", invocationState(a.State), invocationState(b.State))
	t.row("took", a.Took.D().Round(time.Microsecond*100), b.Took.D().Round(time.Microsecond*100))
	t.row("error", orDash(errorText(a.Error)), orDash(errorText(b.Error)))
	t.row("result", resultText(a), resultText(b))
	if err := t.write(w); err != nil {
		return err
	}
	verdict := "\nthe outcomes are equal\n"
	if !r.Equal {
		verdict = "\nthe outcomes differ:\n  " + strings.ReplaceAll(r.Diff, "\n", "\n  ") + "\n"
	}
	_, err := io.WriteString(w, verdict)
	return err
}

// resultText is an answer in a cell of a table.
func resultText(o slipway.Outcome) string {
	text := string(o.Result)
	if o.ResultError != "" {
		text = "not kept"
	}
	const most = 60
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return orDash(text)
}

func newWebhookKeyCommand() *cobra.Command {
	var rotate bool
	cmd := &cobra.Command{
		Use:   "webhook-key",
		Short: "Show what signs the webhooks that outcomes go to, or change it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			get := client.WebhookKey
			if rotate {
				get = client.RotateWebhookKey
			}
			k, err := get(cmd.Context())
			if err != nil {
				return err
			}
			t := newTable("KEY", "PREVIOUS")
			t.row(k.Key, orDash(k.Previous))
			return show(cmd, k, t)
		},
	}
	cmd.Flags().BoolVar(&rotate, "rotate", false, "make a new one; the one before signs too for a day")
	addOutputFlag(cmd)
	return cmd
}

// writeInvocation shows one invocation to a person.
func writeInvocation(w io.Writer, i slipway.Invocation) error {
	t := newTable("FIELD", "VALUE")
	t.row("id", i.ID)
	t.row("function", i.Function+qualifierText(i.Qualifier))
	t.row("source", i.Source)
	t.row("state", invocationState(i.State))
	t.row("accepted", i.AcceptedAt.Format(time.RFC3339)+", "+ago(i.AcceptedAt))
	t.row("event", fmt.Sprintf("%d bytes", i.Size))
	if i.NextAt != nil {
		t.row("next attempt", i.NextAt.Format(time.RFC3339))
	}
	for _, a := range i.Attempts {
		t.row(fmt.Sprintf("attempt %d", a.Attempt), attemptText(a))
	}
	if i.Error != nil {
		t.row("error", errorText(i.Error))
	}
	if i.Result != nil {
		t.row("result", string(i.Result))
	}
	if i.ResultError != "" {
		t.row("result", i.ResultError)
	}
	for _, d := range i.Deliveries {
		t.row("outcome to", strings.TrimSpace(fmt.Sprintf("%s: %s after %d attempts %s", d.Destination, d.State, d.Attempts, d.LastError)))
	}
	if i.Redriven != "" {
		t.row("redriven as", i.Redriven)
	}
	if err := t.write(w); err != nil {
		return err
	}
	if i.LogTail == "" {
		return nil
	}
	_, err := fmt.Fprintf(w, "\nthe last lines it printed:\n%s\n", strings.TrimRight(i.LogTail, "\n"))
	return err
}

func qualifierText(q string) string {
	if q == "" {
		return ""
	}
	return ":" + q
}

func attemptText(a slipway.InvocationAttempt) string {
	switch {
	case a.EndedAt == nil:
		return "runs since " + ago(a.StartedAt)
	case a.Error == nil:
		return fmt.Sprintf("succeeded after %s, version %d", a.EndedAt.Sub(a.StartedAt).Round(100*time.Microsecond), a.Version)
	}
	return fmt.Sprintf("failed after %s, version %s: %s", a.EndedAt.Sub(a.StartedAt).Round(100*time.Microsecond), versionText(a.Version), errorText(a.Error))
}
