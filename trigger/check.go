package trigger

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slipway-run/slipway"
)

// The bounds of what a trigger can be told.
const (
	maxPayload  = 256 << 10 // bytes of the event of a cron trigger
	maxSubject  = 255       // bytes
	minSecret   = 8         // bytes: what is shorter can be guessed
	maxSecret   = 1024      // bytes
	minLate     = time.Second
	maxLate     = 7 * 24 * time.Hour
	defaultLate = 24 * time.Hour
)

// settle is t with the defaults filled in, when everything is within its bounds; the
// error is ErrInvalid and names the field, the value and the bound.
func settle(t slipway.Trigger) (slipway.Trigger, error) {
	if err := cmp.Or(slipway.CheckName("trigger", t.Name), checkTarget(t), checkKind(t)); err != nil {
		return t, err
	}
	switch t.Type {
	case slipway.TriggerCron:
		return settleCron(t)
	case slipway.TriggerNATS:
		return t, checkNATS(t)
	default:
		return settleWebhook(t)
	}
}

func checkTarget(t slipway.Trigger) error {
	switch {
	case t.Function == "" && t.Job == nil:
		return slipway.Errorf(slipway.ErrInvalid, "function or job: a trigger needs one of them, to know what it sets off")
	case t.Function != "" && t.Job != nil:
		return slipway.Errorf(slipway.ErrInvalid, "function and job are both given; a trigger has one target")
	case t.Function != "":
		return slipway.CheckName("function", t.Function)
	case t.Qualifier != "":
		return slipway.Errorf(slipway.ErrInvalid, "qualifier: %q is not allowed with a job; it is for a function", t.Qualifier)
	case t.Job.Definition == "":
		return slipway.Errorf(slipway.ErrInvalid, "job.definition: the name of a job definition is needed, as in report or report:2")
	case t.Job.IdempotencyKey != "":
		return slipway.Errorf(slipway.ErrInvalid, "job.idempotency_key: the trigger makes one for each firing; leave it out")
	}
	return nil
}

// checkKind wants the part of the type that the trigger has, and of no other.
func checkKind(t slipway.Trigger) error {
	parts := map[slipway.TriggerType]bool{slipway.TriggerCron: t.Cron != nil, slipway.TriggerNATS: t.NATS != nil, slipway.TriggerWebhook: t.Webhook != nil}
	given, known := parts[t.Type]
	if !known {
		return slipway.Errorf(slipway.ErrInvalid, "type: %q is not allowed; it must be one of cron, nats, webhook", t.Type)
	}
	if !given {
		return slipway.Errorf(slipway.ErrInvalid, "%s: a trigger of this type needs it", t.Type)
	}
	for kind, given := range parts {
		if given && kind != t.Type {
			return slipway.Errorf(slipway.ErrInvalid, "%s: not allowed with the type %s", kind, t.Type)
		}
	}
	if t.Payload != "" && t.Type != slipway.TriggerCron {
		return slipway.Errorf(slipway.ErrInvalid, "payload: not allowed with the type %s; what comes is the event", t.Type)
	}
	if len(t.Payload) > maxPayload || !utf8.ValidString(t.Payload) || strings.ContainsRune(t.Payload, 0) {
		return slipway.Errorf(slipway.ErrInvalid, "payload: %d bytes; text of at most %d bytes, without zero bytes, is allowed", len(t.Payload), maxPayload)
	}
	return nil
}

func settleCron(t slipway.Trigger) (slipway.Trigger, error) {
	c := *t.Cron
	c.Missed = cmp.Or(c.Missed, slipway.MissedSkip)
	c.MaxLate = cmp.Or(c.MaxLate, slipway.Duration(defaultLate))
	t.Cron = &c
	if !slices.Contains([]string{slipway.MissedSkip, slipway.MissedOnce, slipway.MissedAll}, c.Missed) {
		return t, slipway.Errorf(slipway.ErrInvalid, "cron.missed: %q is not allowed; it must be one of skip, once, all", c.Missed)
	}
	if late := c.MaxLate.D(); late < minLate || late > maxLate {
		return t, slipway.Errorf(slipway.ErrInvalid, "cron.max_late: %v is not allowed; it must be between %v and %v", late, minLate, maxLate)
	}
	_, err := parseSchedule(c, time.Now())
	return t, err
}

// checkNATS keeps a trigger to the subjects of its tenant. The first token has no
// wildcard, so that one look at it is enough.
func checkNATS(t slipway.Trigger) error {
	n := t.NATS
	if err := checkSubject(n.Subject); err != nil {
		return err
	}
	first, _, _ := strings.Cut(n.Subject, ".")
	switch {
	case strings.ContainsAny(first, "*>"):
		return slipway.Errorf(slipway.ErrInvalid, "nats.subject: %q is not allowed; the first word of the subject cannot be a wildcard", n.Subject)
	case first == "slipway" || strings.HasPrefix(first, "_") || strings.HasPrefix(first, "$"):
		return slipway.Errorf(slipway.ErrInvalid, "nats.subject: %q is not allowed; subjects that begin with slipway, _ or $ are the platform's and the server's own", n.Subject)
	case t.Tenant != slipway.DefaultTenant && (first != t.Tenant || first == n.Subject):
		return slipway.Errorf(slipway.ErrInvalid, "nats.subject: %q is not allowed; the subjects of tenant %q begin with %[2]s. (the tenant %q has all)", n.Subject, t.Tenant, slipway.DefaultTenant)
	}
	if strings.ContainsAny(n.Stream, ".*> \t\r\n\x00/\\") || len(n.Stream) > maxSubject {
		return slipway.Errorf(slipway.ErrInvalid, "nats.stream: %q is not the name of a stream; it has no dots, spaces, slashes and wildcards", n.Stream)
	}
	return nil
}

// checkSubject knows what NATS takes: https://docs.nats.io/nats-concepts/subjects
func checkSubject(subject string) error {
	bad := slipway.Errorf(slipway.ErrInvalid, "nats.subject: %q is not a subject; it is words between dots, as in orders.*.paid or orders.>, of at most %d bytes", subject, maxSubject)
	tokens := strings.Split(subject, ".")
	if len(subject) > maxSubject || !utf8.ValidString(subject) {
		return bad
	}
	for i, token := range tokens {
		wild := strings.ContainsAny(token, "*>")
		if token == "" || strings.ContainsAny(token, " \t\r\n\f\x00") || wild && token != "*" && token != ">" || token == ">" && i < len(tokens)-1 {
			return bad
		}
	}
	return nil
}

func settleWebhook(t slipway.Trigger) (slipway.Trigger, error) {
	w := *t.Webhook
	t.Webhook = &w
	w.Signature = cmp.Or(w.Signature, slipway.SignatureNone)
	if t.Webhook.Signature = w.Signature; verifiers[w.Signature] == nil {
		return t, slipway.Errorf(slipway.ErrInvalid, "webhook.signature: %q is not allowed; it must be one of none, github, stripe, slipway", w.Signature)
	}
	if w.Sync && t.Job != nil {
		return t, slipway.Errorf(slipway.ErrInvalid, "webhook.sync: not allowed with a job, which has no answer; leave it out")
	}
	if w.Signature == slipway.SignatureNone {
		if w.Secret != "" {
			return t, slipway.Errorf(slipway.ErrInvalid, "webhook.secret: not allowed with the signature none; say how the sender signs in webhook.signature")
		}
		return t, nil
	}
	if len(w.Secret) < minSecret || len(w.Secret) > maxSecret || strings.ContainsRune(w.Secret, 0) {
		return t, slipway.Errorf(slipway.ErrInvalid, "webhook.secret: %d bytes; the signature %s needs a secret of %d to %d bytes", len(w.Secret), w.Signature, minSecret, maxSecret)
	}
	if w.Signature == slipway.SignatureSlipway {
		if _, err := standardKey(w.Secret); err != nil {
			return t, err
		}
	}
	return t, nil
}
