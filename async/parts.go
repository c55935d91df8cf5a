package async

import (
	"context"
	"io"
	"time"

	"github.com/slipway-run/slipway"
)

// Store keeps invocations. Its errors carry root kinds.
type Store interface {
	Records
	Turns
	Engines
	EventBlobs
	Deliveries
	WebhookKeys
}

// Records are invocations as users see them.
type Records interface {
	Invocation(ctx context.Context, tenant, id string) (slipway.Invocation, error)
	Invocations(ctx context.Context, tenant string, f slipway.InvocationFilter, page slipway.Page) (slipway.List[slipway.Invocation], error)
	Event(ctx context.Context, tenant, id string) (slipway.Event, error)
	CancelInvocation(ctx context.Context, tenant, id string) error
	Redrive(ctx context.Context, tenant, id, newID string, maxAge time.Duration) error
	RedriveDead(ctx context.Context, ref slipway.FunctionRef, maxAge time.Duration, limit int) (int, error)
	PruneInvocations(ctx context.Context, before time.Time, limit int) (int, error)
}

// Turns are invocations as engines see them.
type Turns interface {
	AddInvocations(ctx context.Context, events []slipway.Event, maxAge func(slipway.FunctionRef) time.Duration) error
	DueFunctions(ctx context.Context) ([]slipway.DueFunction, error)
	ClaimTurns(ctx context.Context, owner string, now time.Time, claims []slipway.Claim) ([]slipway.Turn, error)
	LoadEvents(ctx context.Context, turns []slipway.Turn) error
	EndTurns(ctx context.Context, ends []slipway.TurnEnd) (recorded []bool, err error)
	OverdueEvents(ctx context.Context, now time.Time, limit int) ([]slipway.Turn, error)
}

// Engines know of each other.
type Engines interface {
	EngineBeat(ctx context.Context, id, node string) ([]slipway.Engine, error)
	DropEngine(ctx context.Context, owner string, now time.Time, why slipway.InvocationError) (int, error)
	Cancelling(ctx context.Context, owner string) ([]string, error)
}

// EventBlobs remember which blobs are payloads of events.
type EventBlobs interface {
	NoteBlob(ctx context.Context, digest string) error
	UnusedBlobs(ctx context.Context, before time.Time, limit int) ([]string, error)
	ForgetBlob(ctx context.Context, digest string) error
}

// Deliveries are outcomes on their way.
type Deliveries interface {
	ClaimDeliveries(ctx context.Context, now, until time.Time, limit int) ([]slipway.DueDelivery, error)
	NextDelivery(ctx context.Context) (*time.Time, error)
	EndDelivery(ctx context.Context, d slipway.DueDelivery, state string, lastError string) error
	PutOffDelivery(ctx context.Context, d slipway.DueDelivery, next time.Time, lastError string) error
}

// WebhookKeys sign.
type WebhookKeys interface {
	WebhookKey(ctx context.Context, tenant, fresh string) (slipway.WebhookKey, error)
	RotateWebhookKey(ctx context.Context, tenant, fresh string) (slipway.WebhookKey, error)
}

// Intake is a durable stream between accepting an event and writing it into the store.
type Intake interface {
	// Put returns nil when the event is on disk.
	Put(ctx context.Context, e slipway.Event) error
	// Take gives events, some more than once, to keep until ctx ends.
	Take(ctx context.Context, keep func(context.Context, []slipway.Event) error) error
	// Settle returns when what was put before it was kept.
	Settle(ctx context.Context) error
}

// Blobs hold payloads that are too large for a message, by the digest of their content.
type Blobs interface {
	Put(ctx context.Context, digest string, size int64, r io.Reader) error
	Open(ctx context.Context, digest string) (io.ReadCloser, int64, error)
	Delete(ctx context.Context, digest string) error
}

// Functions run events.
type Functions interface {
	// AsyncSettings are those of a function now. ErrNotFound: it, or what qualifier names,
	// does not exist.
	AsyncSettings(ctx context.Context, ref slipway.FunctionRef, qualifier string) (slipway.AsyncSettings, error)
	// InvokeEvent gives an event with its payload to the function, and says which version
	// ran it, as far as it came. The reader of the answer closes its body.
	InvokeEvent(ctx context.Context, e slipway.Event, attempt int, body io.Reader) (resp *slipway.Response, version int, err error)
}

// JobSubmitter takes jobs.
type JobSubmitter interface {
	Submit(ctx context.Context, tenant string, jobs []slipway.JobRequest) ([]slipway.Job, error)
}

// Subjects take messages for whoever listens on NATS. The message is on disk before the
// return when a stream of JetStream takes the subject.
type Subjects interface {
	SendMessage(ctx context.Context, subject string, header slipway.Header, data []byte) error
}
