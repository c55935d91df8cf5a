package main

import (
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-run/slipway"
)

// triggerFlags are what a person says about a trigger.
type triggerFlags struct {
	function, qualifier   string
	job, queue            string
	cron, zone, missed    string
	late                  time.Duration
	payload               string
	subject, stream       string
	webhook               bool
	signature, secretFile string
	sync, disabled        bool
}

func newTriggersPutCommand() *cobra.Command {
	var f triggerFlags
	cmd := &cobra.Command{
		Use:   "put NAME (--function NAME | --job DEFINITION) (--cron SCHEDULE | --nats SUBJECT | --webhook)",
		Short: "Make a trigger, or replace it",
		Example: `  slipway triggers put nightly --function report --cron '0 3 * * *' --time-zone Europe/Berlin
  slipway triggers put orders --function bill --nats orders.paid --stream ORDERS
  slipway triggers put push --function ci --webhook --signature github --secret-file secret.txt
  slipway triggers put cleanup --job cleanup:3 --queue low --cron @daily --missed once`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := f.trigger(cmd, args[0])
			if err != nil {
				return err
			}
			client, err := newClient(os.Getenv)
			if err != nil {
				return err
			}
			stored, err := client.PutTrigger(cmd.Context(), t)
			if err != nil {
				return err
			}
			return show(cmd, stored, triggerDetails(stored, client.URL()))
		},
	}
	f.register(cmd)
	addOutputFlag(cmd)
	return cmd
}

func (f *triggerFlags) register(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.function, "function", "", "function that gets the events, asynchronously")
	s.StringVar(&f.qualifier, "qualifier", "", "alias or number of a version (default: live)")
	s.StringVar(&f.job, "job", "", "job definition that is submitted, as in report or report:2")
	s.StringVar(&f.queue, "queue", "", "queue of the job (default: default)")
	s.StringVar(&f.cron, "cron", "", "when: minute hour day month weekday, or @every 10s, @hourly, @daily, @weekly, @monthly")
	s.StringVar(&f.zone, "time-zone", "", "of the schedule, as in Europe/Berlin (default: UTC)")
	s.StringVar(&f.missed, "missed", "", "what happens to times that passed while nothing ran: skip, once or all (default: skip)")
	s.DurationVar(&f.late, "max-late", 0, "with once and all: times longer ago are skipped (default: 24h)")
	s.StringVarP(&f.payload, "data", "d", "", "with --cron: the event, or @FILE (default: a document with trigger and time)")
	s.StringVar(&f.subject, "nats", "", "subject whose messages are the events; wildcards are allowed")
	s.StringVar(&f.stream, "stream", "", "with --nats: JetStream stream from which they are taken, none lost")
	s.BoolVar(&f.webhook, "webhook", false, "requests to /v1/hooks/<tenant>/NAME are the events, CloudEvents too")
	s.StringVar(&f.signature, "signature", "", "with --webhook: none, github, stripe or slipway (default: none)")
	s.StringVar(&f.secretFile, "secret-file", "", "with --webhook: file that holds the secret, - for standard input (default: SLIPWAY_WEBHOOK_SECRET, or the secret it has)")
	s.BoolVar(&f.sync, "sync", false, "with --webhook: answer with the function's answer")
	s.BoolVar(&f.disabled, "disabled", false, "do not fire until it is put again without")
	cmd.MarkFlagsMutuallyExclusive("function", "job")
	cmd.MarkFlagsMutuallyExclusive("cron", "nats", "webhook")
	cmd.MarkFlagsOneRequired("function", "job")
	cmd.MarkFlagsOneRequired("cron", "nats", "webhook")
}

// trigger is what the flags say. The gateway checks it.
func (f *triggerFlags) trigger(cmd *cobra.Command, name string) (slipway.Trigger, error) {
	t := slipway.Trigger{Name: name, Enabled: !f.disabled, Function: f.function, Qualifier: f.qualifier}
	if f.job != "" {
		t.Job = &slipway.JobRequest{Definition: f.job, Queue: f.queue}
	}
	switch {
	case f.cron != "":
		t.Type = slipway.TriggerCron
		t.Cron = &slipway.CronTrigger{Schedule: f.cron, TimeZone: f.zone, Missed: f.missed, MaxLate: slipway.Duration(f.late)}
		payload, err := readData(f.payload, cmd.InOrStdin())
		if err != nil {
			return t, err
		}
		t.Payload = string(payload)
	case f.subject != "":
		t.Type = slipway.TriggerNATS
		t.NATS = &slipway.NATSTrigger{Subject: f.subject, Stream: f.stream}
	default:
		t.Type = slipway.TriggerWebhook
		secret, err := f.secret(cmd)
		if err != nil {
			return t, err
		}
		t.Webhook = &slipway.WebhookTrigger{Signature: f.signature, Secret: secret, Sync: f.sync}
	}
	return t, nil
}

// secret is read from a file or the environment: what stands on a command line can be seen
// by everybody on the machine.
func (f *triggerFlags) secret(cmd *cobra.Command) (string, error) {
	if f.secretFile == "" {
		return os.Getenv("SLIPWAY_WEBHOOK_SECRET"), nil
	}
	secret, err := readData("@"+f.secretFile, cmd.InOrStdin())
	return strings.TrimRight(string(secret), "\r\n"), err
}

// readData is what openEvent gives, whole.
func readData(data string, stdin io.Reader) ([]byte, error) {
	r, err := openEvent(data, stdin)
	if err != nil {
		return nil, err
	}
	if f, ok := r.(io.Closer); ok && r != stdin {
		defer f.Close()
	}
	return io.ReadAll(r)
}
