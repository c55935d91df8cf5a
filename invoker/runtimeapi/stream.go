package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/slipway-run/slipway"
)

// Stream is the body of a streamed answer. A failure in its middle is an error of
// Read: a *slipway.FunctionError when the function reported it. When it is closed
// before its end, the rest is read and thrown away, so that the program can go on.
type Stream io.ReadCloser

// stream hands the body of a post on as it comes, returns when all of it has come, and
// says whether it has.
func stream(inv *invocation, r *http.Request, contentType string) bool {
	body, in := io.Pipe()
	defer context.AfterFunc(inv.ctx, func() { body.Close() })()
	inv.result <- &Result{ContentType: contentType, Stream: body}
	_, err := io.Copy(in, r.Body)
	if errors.Is(err, io.ErrClosedPipe) {
		_, err = io.Copy(io.Discard, r.Body)
	}
	failure := trailerError(r.Trailer)
	switch {
	case err != nil:
		in.CloseWithError(&slipway.FunctionError{Type: "Runtime.TruncatedResponse",
			Message: fmt.Sprintf("RequestId: %s Error: the streamed answer broke off: %v", inv.ID, err)})
	case failure != nil:
		in.CloseWithError(failure)
	default:
		in.Close()
	}
	return err == nil
}
