package invoker

import (
	"context"
	"os"
	"time"

	"github.com/slipway-run/slipway"
)

// Config is what an invoker is told about itself and its machine. The zero value of a
// field means the default, where one is named.
type Config struct {
	// ID names the invoker within the cluster; it is part of the subjects it listens to.
	ID string
	// Host is the machine's name, for people.
	Host string
	// Build is the version of the slipway binary, for people.
	Build string
	// CPU is the vCPUs of the machine.
	CPU float64
	// MemoryMB is what the instances of the machine may use together, in MiB.
	MemoryMB int
	// StartTimeout is how long an instance may take until it is ready for events; 10s.
	StartTimeout time.Duration
	// ShutdownTimeout is how long events in flight may take to finish when the invoker
	// stops; 30s.
	ShutdownTimeout time.Duration
	// Refresh is how often what is known of the functions is asked for again, in case a
	// notice of change was lost; 30s.
	Refresh time.Duration
	// Region is what programs written for AWS Lambda see as AWS_REGION; us-east-1.
	Region string
	// Supervisor is the file of a static program that calls supervisor.Init: what instances
	// with extensions run first; this program's own.
	Supervisor string
}

const (
	defaultStartTimeout    = 10 * time.Second
	defaultShutdownTimeout = 30 * time.Second
	defaultRefresh         = 30 * time.Second
	defaultRegion          = "us-east-1"
)

func (c Config) withDefaults() Config {
	if c.StartTimeout <= 0 {
		c.StartTimeout = defaultStartTimeout
	}
	if c.ShutdownTimeout <= 0 {
		c.ShutdownTimeout = defaultShutdownTimeout
	}
	if c.Refresh <= 0 {
		c.Refresh = defaultRefresh
	}
	if c.Region == "" {
		c.Region = defaultRegion
	}
	if c.Supervisor == "" {
		c.Supervisor, _ = os.Executable() // "" is refused where it is needed
	}
	return c
}

// Images has the images of this machine.
type Images interface {
	// Prepare makes an image ready to run: fetched and unpacked, once.
	Prepare(ctx context.Context, digest string) (slipway.Image, error)
}

// LogWriter takes what instances print. Write never blocks; it may drop lines, and
// then says so in the log itself.
type LogWriter interface {
	Write(line slipway.LogLine)
}

// Packer turns uploads into images.
type Packer interface {
	// Build emits what happens as it happens; the result's Protocol is left open.
	Build(ctx context.Context, req slipway.BuildRequest, emit func(slipway.BuildEvent)) (slipway.BuildResult, error)
}

// Pool keeps instances that a Starter made.
type Pool interface {
	PoolView
	Acquire(ctx context.Context, spec slipway.Spec, limit int) (slipway.Lease, error)
	Update(spec slipway.Spec)
	Retire(ref slipway.FunctionRef, keep func(slipway.VersionRef) bool)
	Keep(wanted []slipway.Kept)
	Drain(ctx context.Context) error
}

// PoolView is what can be seen of a pool.
type PoolView interface {
	Counts() []slipway.VersionCount
	Instances(ref *slipway.FunctionRef) []slipway.InstanceInfo
	FreeMemoryMB() int
	Changed() <-chan struct{}
}

// JobRooms says what the machine has for jobs; nil is an invoker that takes none.
type JobRooms interface {
	// Room is nil when no jobs are taken any more.
	Room() *slipway.JobRoom
	// Changed gets a value when Room may have.
	Changed() <-chan struct{}
}
