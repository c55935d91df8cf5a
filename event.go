package slipway

import (
	"encoding/json"
	"strings"
	"time"
)

// MaxAsyncPayload is the most bytes of an asynchronous event: 32 MiB.
const MaxAsyncPayload = 32 << 20

// Event is an event for a function, as it is accepted: by the API with the mode async, by
// a trigger, or as the outcome of another event. Who accepts one owes it exactly one
// recorded outcome.
type Event struct {
	ID          string     `json:"id"` // of the invocation; see EventID
	Tenant      string     `json:"tenant"`
	Function    string     `json:"function"`
	Qualifier   string     `json:"qualifier,omitempty"` // alias or number of a version; "" is live when it runs
	Source      string     `json:"source"`              // who sent it: api, trigger:<name>, destination:<function>, redrive:<id>, replay:<id>
	ContentType string     `json:"content_type,omitempty"`
	Header      Header     `json:"header,omitempty"` // given to the function with it: those of CloudEvents, of a webhook
	HTTP        *EventHTTP `json:"http,omitempty"`   // it came as an HTTP request, and is given as one (ModeHTTP); nil is ModeInvoke
	Payload     []byte     `json:"payload,omitempty"`
	Blob        string     `json:"blob,omitempty"` // digest of a payload that is too large to be in a message
	Size        int64      `json:"size"`           // bytes of the payload
	AcceptedAt  time.Time  `json:"accepted_at"`
	NotBefore   *time.Time `json:"not_before,omitempty"` // nil is at once
}

// EventHTTP is the request that an event was: a webhook's.
type EventHTTP struct {
	Method     string `json:"method"`
	Target     string `json:"target"` // path and query as the function sees them: /?x=y
	Host       string `json:"host,omitempty"`
	RemoteAddr string `json:"remote_addr,omitempty"` // of the client, host:port
}

// Ref names the function of e.
func (e Event) Ref() FunctionRef { return FunctionRef{Tenant: e.Tenant, Function: e.Function} }

// InvocationState is where an invocation is in its life.
type InvocationState string

// The states of an invocation. The last four are outcomes: exactly one of them is
// recorded, and it does not change.
const (
	InvocationQueued    InvocationState = "queued"  // waits for its first attempt, or for the next one
	InvocationRunning   InvocationState = "running" // a function has it
	InvocationSucceeded InvocationState = "succeeded"
	InvocationFailed    InvocationState = "failed"  // no attempt is left, or its error is not to be retried
	InvocationExpired   InvocationState = "expired" // older than async.max_age before it succeeded
	InvocationCancelled InvocationState = "cancelled"
)

// Ended says whether s is an outcome.
func (s InvocationState) Ended() bool {
	switch s {
	case InvocationSucceeded, InvocationFailed, InvocationExpired, InvocationCancelled:
		return true
	}
	return false
}

// Invocation is the durable record of an asynchronous event.
type Invocation struct {
	ID          string              `json:"id"`
	Tenant      string              `json:"tenant"`
	Function    string              `json:"function"`
	Qualifier   string              `json:"qualifier,omitempty"`
	Version     int                 `json:"version"` // that ran it last; 0 before the first attempt
	Mode        string              `json:"mode"`    // async
	Source      string              `json:"source"`
	State       InvocationState     `json:"state"`
	Attempts    []InvocationAttempt `json:"attempts"`
	Result      json.RawMessage     `json:"result,omitempty"`       // the answer: as it is when it is JSON, else a JSON string, of base64 with ResultBase64
	ResultType  string              `json:"result_type,omitempty"`  // content type of the answer
	ResultError string              `json:"result_error,omitempty"` // why an answer was not kept: it is larger than 256 KiB
	Base64      bool                `json:"result_base64,omitempty"`
	Error       *InvocationError    `json:"error,omitempty"`
	LogTail     string              `json:"log_tail,omitempty"` // last lines of the attempt that failed last
	Size        int64               `json:"size"`               // bytes of the event
	AcceptedAt  time.Time           `json:"accepted_at"`
	NextAt      *time.Time          `json:"next_at,omitempty"` // of the next attempt
	EndedAt     *time.Time          `json:"ended_at,omitempty"`
	Redriven    string              `json:"redriven,omitempty"`   // id of the invocation that a redrive of this one made
	Cancelling  bool                `json:"cancelling,omitempty"` // somebody has cancelled it; what runs is being ended
	Deliveries  []Delivery          `json:"deliveries,omitempty"` // of its outcome, to where async.on_success or async.on_failure says
}

// InvocationFilter picks invocations of a list, newest first.
type InvocationFilter struct {
	Function string            // "" is all
	States   []InvocationState // none is all
	Since    time.Time         // accepted then or later; zero is all that are kept
}

// Delivery is the outcome of an invocation on its way to a destination.
type Delivery struct {
	Destination string     `json:"destination"`
	State       string     `json:"state"` // waiting, delivered, or given-up
	Attempts    int        `json:"attempts"`
	LastError   string     `json:"last_error,omitempty"`
	NextAt      *time.Time `json:"next_at,omitempty"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
}

// The states of a delivery.
const (
	DeliveryWaiting   = "waiting"
	DeliveryDelivered = "delivered"
	DeliveryGivenUp   = "given-up" // it failed for a day
)

// Replay is a recorded event run once more, beside what is recorded.
type Replay struct {
	Invocation string  `json:"invocation"`
	Recorded   Outcome `json:"recorded"`
	Replayed   Outcome `json:"replayed"`
	Equal      bool    `json:"equal"`          // state, error type and answer; JSON is compared by its meaning
	Diff       string  `json:"diff,omitempty"` // for people: what differs, a line each
}

// Outcome is what came of an event on a version.
type Outcome struct {
	Version     int              `json:"version"`
	State       InvocationState  `json:"state"` // succeeded, failed, expired or cancelled
	Result      json.RawMessage  `json:"result,omitempty"`
	ResultType  string           `json:"result_type,omitempty"`
	ResultError string           `json:"result_error,omitempty"`
	Base64      bool             `json:"result_base64,omitempty"`
	Error       *InvocationError `json:"error,omitempty"`
	LogTail     string           `json:"log_tail,omitempty"`
	Took        Duration         `json:"took,omitempty"`
}

// InvocationAttempt is one time that an event was given to a function, or that the
// platform could not give it.
type InvocationAttempt struct {
	Attempt   int              `json:"attempt"` // from 1; one that a crash of the platform interrupted has a number, too
	Version   int              `json:"version"`
	StartedAt time.Time        `json:"started_at"`
	EndedAt   *time.Time       `json:"ended_at,omitempty"`
	Error     *InvocationError `json:"error,omitempty"` // nil when it succeeded, or is running
	Instance  string           `json:"instance,omitempty"`
	CPU       float64          `json:"cpu_seconds,omitempty"`
}

// InvocationError is what went wrong with an invocation.
type InvocationError struct {
	Type     string `json:"type"` // of the function's error, or the platform's code: limit, unavailable, …
	Message  string `json:"message"`
	Platform bool   `json:"platform,omitempty"` // the platform could not run it; does not count as one of async.attempts
	Trace    []byte `json:"-"`
}

// Matches says whether a pattern names the type of e; a trailing * stands for any rest.
func (e *InvocationError) Matches(pattern string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(e.Type, prefix)
	}
	return e.Type == pattern
}

// AsyncBacklog is the asynchronous events of a function that have no outcome yet.
type AsyncBacklog struct {
	FunctionRef
	Queued, Running int
	Oldest          time.Time // when the oldest of them was accepted
}

// AsyncOutcomes is how many asynchronous events of a function had an outcome.
type AsyncOutcomes struct {
	FunctionRef
	State InvocationState
	N     int64
}
