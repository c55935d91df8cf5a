package invoker

import (
	"errors"
	"fmt"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/streams"
)

// The types of function error that only a start can have.
const (
	typeStartTimeout      = "Runtime.StartTimeout"
	typeInvalidEntrypoint = "Runtime.InvalidEntrypoint"
	typeUnhealthy         = "Runtime.Unhealthy"
)

// errGone says that the instance ended before anything of the event was given to it:
// another one can have the event.
var errGone = errors.New("the instance ended before it got the event")

// startError is why an instance did not become ready, for the user's code's fault. It
// carries the function error that the events it was started for end with.
type startError struct {
	failure *slipway.FunctionError
	tail    string // what it printed last
}

// shownTail is how many bytes of what was printed a message has.
const shownTail = 2048

func (e *startError) Error() string {
	if e.tail == "" {
		return e.failure.Message + "; the process printed nothing"
	}
	return e.failure.Message + "; the process printed: " + streams.LastLines(e.tail, shownTail)
}

// Unwrap gives the kind: what the user sent cannot be run.
func (e *startError) Unwrap() []error { return []error{slipway.ErrInvalid, e.failure} }

func timedOut(id string, after time.Duration) *slipway.FunctionError {
	return &slipway.FunctionError{Type: slipway.ErrorTypeTimeout,
		Message: fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", id, after.Seconds())}
}

// exited is the function error of a process that ended under an event.
func exited(id string, exit slipway.Exit, memoryMB int) *slipway.FunctionError {
	failure := exitFailure(exit, memoryMB)
	failure.Message = fmt.Sprintf("RequestId: %s Error: %s", id, failure.Message)
	return failure
}

func exitFailure(exit slipway.Exit, memoryMB int) *slipway.FunctionError {
	switch {
	case exit.OOM:
		return &slipway.FunctionError{Type: slipway.ErrorTypeOutOfMemory,
			Message: fmt.Sprintf("Runtime was killed by the kernel: out of memory, memory_mb is %d", memoryMB)}
	case exit.Success():
		return &slipway.FunctionError{Type: slipway.ErrorTypeExit, Message: "Runtime exited without providing a reason"}
	default:
		return &slipway.FunctionError{Type: slipway.ErrorTypeExit, Message: "Runtime exited with error: " + exit.String()}
	}
}

func badResponse(format string, args ...any) *slipway.FunctionError {
	return &slipway.FunctionError{Type: slipway.ErrorTypeBadResponse, Message: fmt.Sprintf(format, args...)}
}
