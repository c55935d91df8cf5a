package async

import (
	"cmp"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"github.com/slipway-run/slipway"
)

// Config is how an engine runs. The zero value of a field is its default.
type Config struct {
	Node       string        // names this process, the same after a restart; "gateway"
	SpoolDir   string        // large payloads stay here until they are blobs; the system's temporary folder
	MaxRunning int           // events that run at once, of all functions; 1000
	Retention  time.Duration // records are forgotten so long after the outcome; 7 days
	Beat       time.Duration // how often it says that it lives; 5s
	Lease      time.Duration // an engine that is silent for so long is gone, and its events run again; 20s
	Look       time.Duration // how often it looks for what others have changed; 1s
	Clean      time.Duration // how often old records are forgotten; 1m
	Grace      time.Duration // how long stopping waits for events that run; 10s

	WebhookAllow []netip.Prefix   // private addresses that webhooks may go to
	Now          func() time.Time // time.Now
}

func (c Config) withDefaults() Config {
	c.Node = cmp.Or(c.Node, "gateway")
	c.SpoolDir = cmp.Or(c.SpoolDir, os.TempDir())
	c.MaxRunning = cmp.Or(c.MaxRunning, 1000)
	c.Retention = cmp.Or(c.Retention, 7*24*time.Hour)
	c.Beat = cmp.Or(c.Beat, 5*time.Second)
	c.Lease = cmp.Or(c.Lease, 4*c.Beat)
	c.Look = cmp.Or(c.Look, time.Second)
	c.Clean = cmp.Or(c.Clean, time.Minute)
	c.Grace = cmp.Or(c.Grace, 10*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Parts are what an engine works with.
type Parts struct {
	Store     Store
	Intake    Intake
	Blobs     Blobs
	Functions Functions
	Jobs      JobSubmitter // nil: queues cannot be destinations
	Subjects  Subjects
	Log       *slog.Logger
}

// event sources that the engine itself makes.
const (
	sourceDestination = "destination:"
	sourceReplay      = "replay:"
)

// depthHeader counts how many destinations an event has come through, so that functions
// that are each other's destinations do not run for ever.
const (
	depthHeader = "X-Slipway-Depth"
	maxDepth    = 16
)

// The limits of what is kept.
const (
	maxInline = 256 << 10 // bytes of a payload in a message and in the store; larger ones are blobs
	maxResult = 256 << 10 // bytes of an answer
	maxHeader = 64 << 10  // bytes of an event's header
)

var errTooLarge = slipway.Errorf(slipway.ErrTooLarge, "the event is larger than %d MiB, which is the most that an asynchronous one can have", slipway.MaxAsyncPayload>>20)
