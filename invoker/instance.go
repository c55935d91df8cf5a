package invoker

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/runtimeapi"
	"github.com/slipway-run/slipway/invoker/streams"
	"github.com/slipway-run/slipway/invoker/supervisor"
)

const (
	closeGrace   = 2 * time.Second        // between SIGTERM and SIGKILL
	exitNotice   = 500 * time.Millisecond // a broken connection is a crash if the end of the process is known by then
	replayNotice = 100 * time.Millisecond // the same for a kept one, which is more likely to be just stale
	readRest     = 500 * time.Millisecond // what was printed before the end is read by then
)

// instance is one sandbox with the protocol its process speaks.
type instance struct {
	id       string
	region   string
	spec     slipway.Spec
	sandbox  slipway.Sandbox
	output   *output
	extended bool               // its image has extensions, which are Lambda's
	told     *runtimeapi.Server // whom a supervisor tells; nil when there can be none
	api      *runtimeapi.Server // while the process may poll it; else nil
	protocol slipway.Protocol   // as found
	runner   runner             // nil when it has shown its protocol and can take no event
	done     <-chan struct{}    // no events can be taken any more
	exited   <-chan struct{}    // its process has ended
	unfit    chan struct{}      // closed when its health checks failed
	unwatch  context.CancelFunc // ends the checks; nil when there are none
	mark     atomic.Int64       // bytes it had printed when its latest event began
	turns    atomic.Int64       // events begun, when it takes one at a time, and changes between frozen and not
	ice      ice
	meter    slipway.Meter // nil when what it uses is not known
	metered  atomic.Bool   // meter is there for everybody
	list     *instances    // where it stands until it is closed

	killed   atomic.Bool // Close need not wait for the process
	closing  sync.Once
	closed   chan struct{}
	closeErr error
}

// runner gives events to the process of one instance.
type runner interface {
	// run gives one event and returns when the head of the answer is there. It calls
	// release exactly once, when the event is over: after the body, and whatever
	// happens. An error is the platform's; it is errGone when nothing was sent yet.
	run(ctx context.Context, req *slipway.Request, release func(reuse bool)) (*slipway.Response, error)
	// close ends what the runner keeps open.
	close()
}

func (in *instance) ID() string             { return in.id }
func (in *instance) Done() <-chan struct{}  { return in.done }
func (in *instance) Unfit() <-chan struct{} { return in.unfit }

// start executes the process and lets the pipes go.
func (in *instance) start(ctx context.Context, stdio slipway.Stdio) error {
	err := in.sandbox.Start(ctx, stdio)
	streams.Close(stdio.Stdin, stdio.Stdout, stdio.Stderr)
	return err
}

// openMeter makes what the instance uses known, if its sandbox can do that.
func (in *instance) openMeter() (err error) {
	metered, ok := in.sandbox.(slipway.Metered)
	if !ok {
		return nil
	}
	meter, err := metered.Meter()
	if err == nil {
		in.meter = meter
		in.metered.Store(true)
	}
	return err
}

// listen opens the Runtime API in the sandbox, before the process starts.
func (in *instance) listen(ctx context.Context, api *runtimeapi.Server) error {
	l, err := in.sandbox.Listen(ctx, "tcp", runtimeAPI)
	if err != nil {
		return slipway.Errorf(slipway.ErrInternal, "listen on %s in the sandbox: %w", runtimeAPI, err)
	}
	in.api = api
	go func() { _ = api.Serve(l) }() // ends with api.Close; an error before shows as a program that gets no events
	return nil
}

// unlisten closes the Runtime API.
func (in *instance) unlisten() {
	if in.api != nil {
		in.api.Close()
		in.api = nil
	}
}

// kill ends the process at once; Close does the rest.
func (in *instance) kill() {
	in.killed.Store(true)
	_ = in.sandbox.Signal(syscall.SIGKILL) // one that has ended is as good
}

// supervised says whether the process has a supervisor, which ends after it.
func (in *instance) supervised() bool { return in.told != nil && in.told.Supervised() }

// abort ends the process at once. Extensions are told why, and get their time.
func (in *instance) abort(reason string) {
	if !in.supervised() {
		in.kill()
		return
	}
	in.told.End(reason)
	_ = in.sandbox.Signal(supervisor.Abort) // one that has ended is as good
}

// Close implements slipway.Instance.
func (in *instance) Close() error {
	in.closing.Do(func() {
		if in.unwatch != nil {
			in.unwatch()
		}
		in.melt()
		in.terminate()
		in.closeErr = in.sandbox.Close()
		in.list.remove(in)
		if in.runner != nil {
			in.runner.close()
		}
		in.unlisten()
		in.output.Stop()
		if in.meter != nil {
			in.meter.Close()
		}
		close(in.closed)
	})
	<-in.closed
	return in.closeErr
}

// terminate asks the process to end, and waits a little for it.
func (in *instance) terminate() {
	if in.killed.Load() || in.gone() {
		return
	}
	if in.supervised() {
		in.told.End(runtimeapi.ReasonSpindown)
	}
	if in.sandbox.Signal(syscall.SIGTERM) != nil {
		return
	}
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case <-in.sandbox.Done():
	case <-grace.C:
	}
}

// gone says whether the sandbox is without a process.
func (in *instance) gone() bool {
	select {
	case <-in.sandbox.Done():
		return true
	default:
		return false
	}
}

// ended says whether the process that takes events is gone.
func (in *instance) ended() bool {
	select {
	case <-in.exited:
		return true
	default:
		return false
	}
}

// exit is how the process ended, once it has.
func (in *instance) exit() slipway.Exit {
	if in.supervised() {
		select {
		case <-in.told.Exited():
			return in.told.Exit()
		default:
		}
	}
	return in.sandbox.Exit()
}

// endsWithin waits for the end of the process, and says whether it came.
func (in *instance) endsWithin(limit time.Duration) bool {
	notice := time.NewTimer(limit)
	defer notice.Stop()
	select {
	case <-in.exited:
		return true
	case <-notice.C:
		return false
	}
}

// dial connects to the process.
func (in *instance) dial(ctx context.Context, address string) (net.Conn, error) {
	return in.sandbox.Dial(ctx, "tcp", address)
}

// begin makes id the invocation whose lines follow, when there can only be one.
func (in *instance) begin(id string) {
	if in.alone() {
		in.turns.Add(1)
		in.output.invocation.Store(&id)
	}
}

// busy says whether an instance that takes one event at a time has one.
func (in *instance) busy() bool { return in.output.invocation.Load() != nil }

func (in *instance) end() { in.output.invocation.Store(nil) }

// fail is the outcome of an event whose function did something wrong; it is put in the
// log, because the platform found it.
func (in *instance) fail(id string, failure *slipway.FunctionError) *slipway.Response {
	if in.ended() && !in.supervised() {
		in.output.Settle(readRest)
	} else {
		in.output.CatchUp()
	}
	if !failure.Handled {
		in.output.say(id, failure.Type+": "+failure.Message)
	}
	return &slipway.Response{FunctionError: failure, LogTail: in.logTail()}
}

// logTail is the end of what the instance printed: since its latest event began, when it
// has one at a time.
func (in *instance) logTail() string {
	if in.alone() {
		return in.output.TailSince(in.mark.Load())
	}
	return in.output.Tail()
}

// crash is the outcome of an event whose process has ended.
func (in *instance) crash(id string) *slipway.Response {
	return in.fail(id, exited(id, in.exit(), in.spec.Config.MemoryMB))
}
