package jobs

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/streams"
)

// attempt is one child of a work that has begun: it has its share of the room.
type attempt struct {
	runner *Runner
	work   *work
	index  int
	number int64 // in the order of beginning
	loan   slipway.Loan
	cpu    int64              // thousandths of a vCPU
	abort  context.CancelFunc // ends the fetching of what it needs

	sandbox slipway.Sandbox
	output  *streams.Output
	inputs  []func() // give back what was mounted
	started time.Time
	sent    wish // for which the process was told to end

	news    chan struct{} // gets a value when wanted changed
	printed atomic.Bool   // something is in its log

	// Guarded by runner.mu:
	wanted  wish
	running bool      // its process was executed, and has not ended as far as is known
	still   bool      // it is frozen
	stuck   time.Time // it could not be frozen: it is not tried again before
}

// wish is what others want of an attempt.
type wish struct {
	end    ending // why it is to end
	reason string // of the end
	still  bool   // it is to be frozen
}

// ending is why an attempt is ended by somebody else than itself. One that is greater
// wins over one that came before.
type ending int

const (
	itself   ending = iota
	returned        // its room is wanted: it runs again
	timedOut
	stopped // by an order
)

// key names an attempt.
type key struct {
	job            string
	index, attempt int
}

func (a *attempt) key() key { return key{a.work.Job, a.index, a.work.Attempt} }

// live runs the attempt from its beginning to its end, and reports both. What takes time
// after the end of the process, and nobody waits for, is done behind.
func (a *attempt) live(ctx context.Context) {
	report := a.run(ctx)
	a.runner.leave(a)
	a.sync(ctx) // the log of an attempt that has ended is complete
	a.runner.reports.add(report)
	a.close()
	a.runner.gone()
}

// run gives the report of the end.
func (a *attempt) run(ctx context.Context) slipway.AttemptReport {
	if err := a.start(ctx); err != nil {
		return a.failed(err)
	}
	a.supervise(ctx)
	a.output.Stop()
	return a.ended(ctx)
}

// errTakenBack says that an attempt was stopped before its process began.
var errTakenBack = errors.New("stopped before it began")

// start makes the sandbox and executes the process.
func (a *attempt) start(ctx context.Context) error {
	defer a.runner.startOver()
	image, mounts, err := a.fetch(ctx)
	if err != nil {
		return err
	}
	spec := a.runner.sandboxSpec(a.work, a.index, image, mounts)
	if len(spec.Args) == 0 {
		return slipway.Errorf(slipway.ErrInvalid, "the image has neither an entrypoint nor a command; say what to run with command")
	}
	if a.sandbox, err = a.runner.launcher.Create(ctx, spec); err != nil {
		return err
	}
	if a.wish().end != itself {
		return errTakenBack
	}
	return a.execute(ctx)
}

// fetch brings what the attempt needs to this machine, until it is to end.
func (a *attempt) fetch(ctx context.Context) (slipway.Image, []slipway.Mount, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a.runner.mu.Lock()
	a.abort = cancel
	ends := a.wanted.end != itself
	a.runner.mu.Unlock()
	if ends {
		return slipway.Image{}, nil, errTakenBack
	}
	go func() { // supervise listens from the start of the process on
		select {
		case <-a.loan.Recalled():
			a.runner.wantOf(a, returned, recalled)
		case <-ctx.Done():
		}
	}()
	image, err := a.runner.images.Prepare(ctx, a.work.Digest)
	if err != nil {
		return slipway.Image{}, nil, err
	}
	mounts, err := a.mounts(ctx)
	return image, mounts, err
}

// execute starts the process, and says so.
func (a *attempt) execute(ctx context.Context) error {
	a.output = streams.New(a.print)
	var stdio slipway.Stdio
	var err error
	if stdio.Stdout, err = a.output.Stream("stdout"); err == nil {
		stdio.Stderr, err = a.output.Stream("stderr")
	}
	if err == nil {
		err = a.sandbox.Start(ctx, stdio)
	}
	streams.Close(stdio.Stdout, stdio.Stderr)
	if err != nil {
		return err
	}
	a.started = time.Now()
	a.runner.begun(a)
	a.runner.reports.add(a.report(slipway.AttemptStarted))
	return nil
}

// close removes what the attempt has on this machine, and then gives its memory back.
func (a *attempt) close() {
	if a.sandbox != nil {
		if err := a.sandbox.Close(); err != nil {
			a.runner.log.Warn("the sandbox of an attempt could not be removed", "job", a.work.Job, "instance", a.sandbox.ID(), "err", err)
		}
	}
	if a.output != nil {
		a.output.Stop()
	}
	for _, release := range a.inputs {
		release()
	}
	a.loan.Return()
}

// wish is what is wanted now.
func (a *attempt) wish() wish {
	a.runner.mu.Lock()
	defer a.runner.mu.Unlock()
	return a.wanted
}

// want has the attempt ended, unless there is a better reason already. runner.mu is held.
func (a *attempt) want(end ending, reason string) {
	if end > a.wanted.end {
		a.wanted.end, a.wanted.reason = end, reason
		a.tell()
		if a.abort != nil {
			a.abort()
		}
	}
}

// tell has the attempt look at what is wanted.
func (a *attempt) tell() {
	select {
	case a.news <- struct{}{}:
	default:
	}
}

func (a *attempt) print(stream, text string) {
	a.printed.Store(true)
	a.runner.logs.WriteJob(slipway.JobLogLine{
		At: time.Now(), Tenant: a.work.Tenant, Job: a.work.Job, Index: a.index, Attempt: a.work.Attempt,
		Stream: stream, Text: text,
	})
}

// syncTimeout is how long the report of an end may wait for the log.
const syncTimeout = 5 * time.Second

// sync waits until what was printed can be read.
func (a *attempt) sync(ctx context.Context) {
	if a.printed.Load() {
		ctx, cancel := context.WithTimeout(ctx, syncTimeout)
		defer cancel()
		a.runner.logs.SyncJob(ctx, a.work.Tenant, a.work.Job, a.index)
	}
}

// say adds a line of the platform's own to what the attempt printed.
func (a *attempt) say(text string) { a.print("platform", text) }
