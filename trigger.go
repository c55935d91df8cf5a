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
}

// CronTrigger fires at times.
type CronTrigger struct {
	Schedule string   `json:"schedule"`  // five fields, or @every 10s, @hourly, @daily, …
	TimeZone string   `json:"time_zone"` // of the IANA database: Europe/Berlin; "" is UTC
	Missed   string   `json:"missed"`    // what happens to times that passed while nothing ran: skip (default), once, all
	MaxLate  Duration `json:"max_late"`  // with once and all: times longer ago are skipped; 24h
}

// NATSTrigger fires for each message.
type NATSTrigger struct {
	Subject string `json:"subject"`          // wildcards allowed; outside of slipway.>
	Stream  string `json:"stream,omitempty"` // of JetStream: each message is acknowledged once the event is durable; "" takes plain messages, of which those that come while nothing runs are lost
}

// WebhookTrigger fires for each request to its URL.
type WebhookTrigger struct {
	Signature string `json:"signature"`        // none, github (X-Hub-Signature-256), stripe (Stripe-Signature), slipway (Standard Webhooks)
	Secret    string `json:"secret,omitempty"` // never shown again
	Sync      bool   `json:"sync"`             // answer with the function's answer, instead of 202
}

// TriggerStatus is what a trigger did last.
type TriggerStatus struct {
	LastFired  *time.Time `json:"last_fired,omitempty"`
	LastResult string     `json:"last_result,omitempty"` // id of the invocation or job
	LastError  string     `json:"last_error,omitempty"`
	NextAt     *time.Time `json:"next_at,omitempty"` // of cron
	Fired      int64      `json:"fired"`
}
