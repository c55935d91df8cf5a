package jobs

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/slipway-run/slipway"
)

// prefixes are how the reason of an attempt begins that somebody ended.
var prefixes = map[ending]string{returned: slipway.ReasonReturned, timedOut: slipway.ReasonTimeout, stopped: slipway.ReasonTerminated}

// report is a report about the attempt.
func (a *attempt) report(event slipway.AttemptEvent) slipway.AttemptReport {
	r := a.runner.reportOf(a.work, a.index, event)
	r.StartedAt = a.started
	return r
}

func (r *Runner) reportOf(w *work, index int, event slipway.AttemptEvent) slipway.AttemptReport {
	return slipway.AttemptReport{Assignment: w.ID, Job: w.Job, Index: index, Attempt: w.Attempt, Event: event, At: time.Now().UTC()}
}

// failed is the report about an attempt whose process was not executed. Whose fault it is
// the kind of the error says: what the user sent cannot be run, or the platform could not
// run it.
func (a *attempt) failed(err error) slipway.AttemptReport {
	switch {
	case a.wish().end != itself:
		r := a.report(slipway.AttemptUnstarted)
		r.Reason = a.wish().reason
		return r
	case errors.Is(err, slipway.ErrInvalid), errors.Is(err, slipway.ErrNotFound), errors.Is(err, slipway.ErrTooLarge):
		r := a.report(slipway.AttemptEnded)
		r.Reason = slipway.ReasonCannotStart + err.Error()
		a.say(r.Reason)
		return r
	default:
		a.runner.log.Warn("an attempt could not be started", "job", a.work.Job, "err", err)
		r := a.report(slipway.AttemptRefused)
		r.Reason = err.Error()
		return r
	}
}

// ended is the report about an attempt whose process has ended. One that ended before it
// could be told to has ended by itself, whatever was wanted.
func (a *attempt) ended(ctx context.Context) slipway.AttemptReport {
	exit, want := a.sandbox.Exit(), a.sent
	event := slipway.AttemptEnded
	switch {
	case exit.Err != nil:
		event = slipway.AttemptRefused
	case want.end == returned:
		event = slipway.AttemptReturned
	}
	r := a.report(event)
	r.Reason = reason(exit, want, a.work.MemoryMB)
	a.measure(&r)
	if exit.OOM && want.end == itself {
		a.say(r.Reason)
	}
	if exit.Err == nil {
		r.ExitCode = new(exitCode(exit))
	}
	if event == slipway.AttemptEnded {
		r.Output = a.keepOutput(ctx)
	}
	return r
}

// measure adds what the attempt used.
func (a *attempt) measure(r *slipway.AttemptReport) {
	usage, err := a.sandbox.Usage()
	if err != nil {
		a.runner.log.Warn("what an attempt used is not known", "job", a.work.Job, "err", err)
		return
	}
	r.CPUSeconds = usage.CPU.Seconds()
	r.MemoryPeakMB = int((usage.MemoryPeak + 1<<20 - 1) >> 20)
}

// reason is why an attempt ended, "" after exit status 0.
func reason(exit slipway.Exit, want wish, memoryMB int) string {
	switch {
	case exit.Err != nil:
		return exit.String()
	case want.end != itself:
		return prefixes[want.end] + want.reason
	case exit.OOM:
		return slipway.ReasonOutOfMemory + fmt.Sprintf("the kernel killed it for want of memory; memory_mb is %d", memoryMB)
	case exit.Success():
		return ""
	default:
		return slipway.ReasonError + exit.String()
	}
}

// exitCode is the status that a shell would give.
func exitCode(exit slipway.Exit) int {
	switch {
	case exit.OOM:
		return 128 + int(syscall.SIGKILL)
	case exit.Signal != 0:
		return 128 + int(exit.Signal)
	default:
		return exit.Code
	}
}
