package invoker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/slipway-run/slipway"
)

const (
	stdinPoll = 5 * time.Millisecond   // how often it is asked whether the process reads its standard input
	stdinHeld = 100 * time.Millisecond // and for how long it must, to be taken for a stdio function
)

// found is what a process turned out to do first.
type found struct {
	protocol slipway.Protocol
	conn     net.Conn // http: the connection that was accepted
	address  string   // http: where
	err      error    // http: nobody can connect, whoever listens
}

// await waits until the process is ready in the protocol that is wanted, or with
// ProtocolAuto in any. It gives up when the process ends, says that it cannot
// initialize, or takes too long.
func (s *Starter) await(ctx context.Context, in *instance, want slipway.Protocol) (found, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.StartTimeout, errStartTimeout)
	defer cancel()
	var accepted chan found
	if want != slipway.ProtocolLambda {
		accepted = make(chan found, 1)
		go in.dialUntil(ctx, accepted)
	}
	var ready, initFailed, reads <-chan struct{}
	if in.api != nil {
		ready, initFailed = in.api.Ready(), in.api.InitFailed()
	}
	if want == slipway.ProtocolAuto {
		reads = in.readsStdin(ctx)
	}
	f, err := found{}, error(nil)
	select {
	case f = <-accepted:
		accepted, err = nil, f.err
	case <-ready:
		f.protocol = slipway.ProtocolLambda
	case <-reads:
		f.protocol = slipway.ProtocolStdio
	case <-initFailed:
		err = in.startError(in.api.InitError())
	case <-in.exited:
		f, err = in.endedEarly(want)
	case <-ctx.Done():
	}
	if ctx.Err() != nil && f.protocol == "" {
		err = s.outOfTime(ctx, in, want)
	}
	cancel()
	dropConn(accepted)
	return f, err
}

// outOfTime is why an instance that was never ready is given up.
func (s *Starter) outOfTime(ctx context.Context, in *instance, want slipway.Protocol) error {
	if errors.Is(context.Cause(ctx), errStartTimeout) {
		return in.startError(&slipway.FunctionError{Type: typeStartTimeout, Message: notReady(in.spec, want, s.cfg.StartTimeout)})
	}
	return ctx.Err()
}

// errStartTimeout tells the end of the start's own time from that of the caller.
var errStartTimeout = errors.New("start timeout")

// dropConn closes a connection that was made when something else had decided already.
// dialUntil always sends.
func dropConn(accepted <-chan found) {
	if accepted == nil {
		return
	}
	if f := <-accepted; f.conn != nil {
		f.conn.Close()
	}
}

// dialUntil sends the connection once something accepts on the port, or why nobody can
// connect.
func (in *instance) dialUntil(ctx context.Context, accepted chan<- found) {
	conn, err := in.sandbox.Await(ctx, uint16(in.spec.Config.Port))
	if err != nil {
		accepted <- found{err: err}
		return
	}
	accepted <- found{protocol: slipway.ProtocolHTTP, conn: conn, address: conn.RemoteAddr().String()}
}

// readsStdin is closed when the process has been blocked in reading its standard input
// for a while: a server may do so for a moment before it listens.
func (in *instance) readsStdin(ctx context.Context) <-chan struct{} {
	reads := make(chan struct{})
	go func() {
		tick := time.NewTicker(stdinPoll)
		defer tick.Stop()
		var since time.Time
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				switch {
				case !in.sandbox.ReadsStdin():
					since = time.Time{}
				case since.IsZero():
					since = now
				case now.Sub(since) >= stdinHeld:
					close(reads)
					return
				}
			}
		}
	}()
	return reads
}

// endedEarly is what the end of a process that was never ready means: one that does
// its work without waiting for anything is a stdio function.
func (in *instance) endedEarly(want slipway.Protocol) (found, error) {
	exit := in.exit()
	if want == slipway.ProtocolAuto && exit.Success() {
		return found{protocol: slipway.ProtocolStdio}, nil
	}
	failure := exitFailure(exit, in.spec.Config.MemoryMB)
	failure.Message = fmt.Sprintf("the process ended before it was ready: %s", exit)
	if want == slipway.ProtocolHTTP && exit.Success() {
		failure.Message += fmt.Sprintf("; it must keep listening on port %d ($PORT)", in.spec.Config.Port)
	}
	return found{}, in.startError(failure)
}

// startError adds what the process printed last.
func (in *instance) startError(failure *slipway.FunctionError) error {
	if in.ended() && !in.supervised() {
		in.output.Settle(readRest)
	} else {
		in.output.CatchUp()
	}
	err := &startError{failure: failure, tail: in.output.Tail()}
	in.output.say("", failure.Type+": "+failure.Message)
	return err
}

// notReady says what was waited for in vain.
func notReady(spec slipway.Spec, want slipway.Protocol, after time.Duration) string {
	port := spec.Config.Port
	switch want {
	case slipway.ProtocolHTTP:
		return fmt.Sprintf("nothing listens on port %d after %s", port, after)
	case slipway.ProtocolLambda:
		return fmt.Sprintf("the process did not ask the Runtime API for an event within %s", after)
	default:
		return fmt.Sprintf("nothing listens on port %d after %s, and the process neither asks the Runtime API for events nor reads its standard input", port, after)
	}
}
