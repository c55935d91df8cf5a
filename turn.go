package slipway

import "time"

// Turn is an event whose attempt has begun: one engine has it, and nobody else.
type Turn struct {
	Event
	Attempt    int       // its number, from 1
	Failed     int       // attempts before it that ended with an error of the function
	PutBack    int       // times in a row that the platform could not run it
	ExpiresAt  time.Time // it is not begun then or later
	StartedAt  time.Time
	Cancelling bool // somebody has cancelled it
}

// TurnEnd is how the turn of an engine with an event ended, as it is to be recorded. It
// is recorded only if the event still is where Owner and Attempt say.
type TurnEnd struct {
	ID      string
	Owner   string // engine; "" when the event is queued, and no attempt ends
	Attempt int    // that ends; when it is queued, of the one before

	State   InvocationState // queued: it has another attempt at NextAt
	NextAt  time.Time
	At      time.Time
	Failed  int
	PutBack int
	Error   *InvocationError

	Record      InvocationAttempt // of the attempt that ends
	Result      *Outcome          // of an event that has its outcome
	Destination string            // where the outcome goes; "" is nowhere
}

// DueFunction is a function with events that wait.
type DueFunction struct {
	FunctionRef
	NextAt time.Time // when the first of them is due
}

// Claim asks for the turns of a function, the first ones that are due.
type Claim struct {
	FunctionRef
	Most int
}

// Engine is a process that runs asynchronous events, as the others see it.
type Engine struct {
	ID   string // of the process; another one after a restart
	Node string // the same after a restart
	Beat int64  // grows while it lives
}

// DueDelivery is an outcome that is to be delivered now.
type DueDelivery struct {
	Tenant      string
	Function    string
	Invocation  string
	Destination string
	Attempts    int // before this one
	Since       time.Time
}

// WebhookKey signs the webhooks of a tenant (https://www.standardwebhooks.com).
type WebhookKey struct {
	Key       string     `json:"key"`                // whsec_ and base64
	Previous  string     `json:"previous,omitempty"` // signs too, for a day after a change
	RotatedAt *time.Time `json:"rotated_at,omitempty"`
}

// AsyncSettings are what running the events of a function depends on, now.
type AsyncSettings struct {
	Async
	Capacity int  // events that its instances can have at once
	Paused   bool // no events are begun
}
