package jobs

import (
	"cmp"
	"context"
	"io"
	"time"

	"github.com/slipway-run/slipway"
)

// Config is what a runner is told about itself and its machine. The zero value of a field
// means the default, where one is named.
type Config struct {
	// ID is the invoker's.
	ID string
	// Dir is an absolute folder of the runner's own; what is in it is removed when Run
	// begins and when it ends.
	Dir string
	// CPU is how many vCPUs jobs may use together.
	CPU float64
	// MemoryMB is what the machine has for functions and jobs together, in MiB: an attempt
	// that needs more is refused at once. 0 is no bound.
	MemoryMB int
	// OpenFiles is RLIMIT_NOFILE of attempts.
	OpenFiles int
	// Starts is how many attempts may be on their way to their start at once; 4 per vCPU.
	Starts int
	// InputMB is how much of unpacked inputs that nobody uses is kept for the next attempt,
	// in MiB; 1024.
	InputMB int64
	// Grace is between SIGTERM and SIGKILL when an attempt is stopped or timed out; 30s.
	Grace time.Duration
	// ReturnGrace is the same when its room is wanted back, or the invoker stops; 2s.
	ReturnGrace time.Duration
	// ShrinkAfter is how long an attempt stands still before its memory goes to swap; 1m.
	// Below 0 it never does.
	ShrinkAfter time.Duration
	// Patience is how long an attempt waits for memory that was free when it was given to
	// this machine, before it is refused; 2s.
	Patience time.Duration
	// ShutdownTimeout is how long attempts may go on when the invoker stops, before they
	// are ended and put back; 15s.
	ShutdownTimeout time.Duration
}

func (c Config) withDefaults() Config {
	c.Starts = cmp.Or(c.Starts, max(4, int(4*c.CPU)))
	c.InputMB = cmp.Or(c.InputMB, 1024)
	c.Grace = cmp.Or(c.Grace, 30*time.Second)
	c.ReturnGrace = cmp.Or(c.ReturnGrace, 2*time.Second)
	c.ShrinkAfter = cmp.Or(c.ShrinkAfter, time.Minute)
	c.Patience = cmp.Or(c.Patience, 2*time.Second)
	c.ShutdownTimeout = cmp.Or(c.ShutdownTimeout, 15*time.Second)
	return c
}

// Scheduler gives work, and hears what became of it.
type Scheduler interface {
	// TakeJobs gives f what this incarnation of an invoker is given, one call at a time,
	// until ctx ends. f does not wait for an attempt.
	TakeJobs(ctx context.Context, invoker, incarnation string, f func([]slipway.Assignment, []slipway.JobOrder)) error
	// Report returns when the reports are durable, in this order.
	Report(ctx context.Context, reports []slipway.AttemptReport) error
}

// Images has the images of this machine.
type Images interface {
	// Prepare makes an image ready to run: fetched and unpacked, once.
	Prepare(ctx context.Context, digest string) (slipway.Image, error)
}

// Archives keeps what attempts get and leave, by digest.
type Archives interface {
	// Unpack puts the files of an archive into dst, an empty folder. Nothing outside of
	// it is touched, whatever the archive says. ErrInvalid, ErrTooLarge and ErrNotFound
	// are the fault of who named it.
	Unpack(ctx context.Context, digest, dst string) error
	// Put keeps what r gives, which has this digest and size.
	Put(ctx context.Context, digest string, size int64, r io.Reader) error
}

// Leftovers is what functions leave of the machine.
type Leftovers interface {
	// Borrow lends memory, if there is some.
	Borrow(slipway.Borrowing) (slipway.Loan, bool)
	// Spare is how many MiB could be lent: to attempts that give it back when functions
	// want it, and to others.
	Spare() (recallable, fixed int)
	// Demand is how many vCPUs functions at work may use.
	Demand() float64
	// Used is how much processor time functions have used until now, in seconds.
	Used() float64
	// Leftover gives a channel of the caller's own that gets a value when one of these but
	// Used may have changed.
	Leftover() <-chan struct{}
}

// Logs takes what attempts print.
type Logs interface {
	// WriteJob never blocks.
	WriteJob(line slipway.JobLogLine)
	// SyncJob returns when what was written about a job or a child can be read.
	SyncJob(ctx context.Context, tenant, job string, index int)
}
