package slipway

import "time"

// TriggerType is what sets a trigger off.
type TriggerType string

// The types of trigger.
const (
	TriggerCron    TriggerType = "cron"
	TriggerNATS    TriggerType = "nats"    // messages of a subject, or of a JetStream stream
	TriggerWebhook TriggerType = "webhook" // POST /v1/hooks/<tenant>/<name>, CloudEvents too
)

// Trigger turns something outside into an invocation or a job.
type Trigger struct {
	Tenant  string      `json:"tenant"`
	Name    string      `json:"name"`
	Type    TriggerType `json:"type"`
	Enabled bool        `json:"enabled"`

	// Exactly one target.
	Function  string      `json:"function,omitempty"`
	Qualifier string      `json:"qualifier,omitempty"` // alias or number of a version; "" is live
	Job       *JobRequest `json:"job,omitempty"`

	Cron    *CronTrigger    `json:"cron,omitempty"`
	NATS    *NATSTrigger    `json:"nats,omitempty"`
	Webhook *WebhookTrigger `json:"webhook,omitempty"`

	Payload   string    `json:"payload,omitempty"` // of cron: the event; "" is a document with trigger and time
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Revision  int64     `json:"revision"` // grows with every change

	Status TriggerStatus `json:"status"`

	// Cursor is of cron: what was due until then is done, or was let go. It is not shown.
	Cursor time.Time `json:"-"`
}

// TriggerRef names a trigger within the whole platform.
type TriggerRef struct {
	Tenant string `json:"tenant"`
	Name   string `json:"name"`
}

func (r TriggerRef) String() string { return r.Tenant + "/" + r.Name }

// Ref names t.
func (t Trigger) Ref() TriggerRef { return TriggerRef{t.Tenant, t.Name} }

// Shown is t without its secret, which nobody is told.
func (t Trigger) Shown() Trigger {
	if t.Webhook != nil {
		w := *t.Webhook
		w.HasSecret, w.Secret = w.Secret != "", ""
		t.Webhook = &w
	}
	return t
}

// CronTrigger fires at times.
type CronTrigger struct {
	Schedule string   `json:"schedule"`  // five fields, six with seconds first, or @every 10s, @hourly, @daily, …
	TimeZone string   `json:"time_zone"` // of the IANA database: Europe/Berlin; "" is UTC
	Missed   string   `json:"missed"`    // what happens to times that passed while nothing ran: skip (default), once, all
	MaxLate  Duration `json:"max_late"`  // with once and all: times longer ago are skipped, 1s to 168h; 24h
}

// NATSTrigger fires for each message.
type NATSTrigger struct {
	Subject string `json:"subject"`          // wildcards allowed; outside of slipway.>
	Stream  string `json:"stream,omitempty"` // of JetStream: each message is acknowledged once the event is durable; "" takes plain messages, of which those that come while nothing runs are lost
}

// WebhookTrigger fires for each request to its URL.
type WebhookTrigger struct {
	Signature string `json:"signature"`        // none, github (X-Hub-Signature-256), stripe (Stripe-Signature), slipway (Standard Webhooks)
	Secret    string `json:"secret,omitempty"` // never shown again; left out in a change, it stays
	HasSecret bool   `json:"has_secret"`       // filled in, not stored
	Sync      bool   `json:"sync"`             // answer with the function's answer, instead of 202
}

// What happens to times that passed while nothing ran.
const (
	MissedSkip = "skip" // they are let go; the last one counts as on time for a minute
	MissedOnce = "once" // the last of them fires
	MissedAll  = "all"  // each of them fires, in order
)

// How a webhook is signed.
const (
	SignatureNone    = "none"
	SignatureGitHub  = "github"
	SignatureStripe  = "stripe"
	SignatureSlipway = "slipway"
)

// HookRequest is a request to the URL of a webhook.
type HookRequest struct {
	TriggerRef
	Method     string
	Target     string // / and the query as it was sent
	Host       string
	RemoteAddr string
	Header     Header // in canonical form
	Body       []byte
}

// Firing is what came of a trigger that was set off once.
type Firing struct {
	Trigger    string `json:"trigger"`
	Invocation string `json:"invocation,omitempty"` // id
	Job        string `json:"job,omitempty"`        // id
}

// TriggerStatus is what a trigger did last.
type TriggerStatus struct {
	LastFired  *time.Time `json:"last_fired,omitempty"`
	LastResult string     `json:"last_result,omitempty"` // id of the invocation or job
	LastError  string     `json:"last_error,omitempty"`
	NextAt     *time.Time `json:"next_at,omitempty"` // of cron
	Fired      int64      `json:"fired"`
}

// HookAnswer is what came of a request to a webhook: firings, each accepted; or one event
// that is to be run now, and whose answer is the webhook's.
type HookAnswer struct {
	Firings []Firing
	Sync    *Event
}
