package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// keepAlive is the silence after which a comment is sent, so that nothing between
// client and gateway takes the connection for dead.
const keepAlive = 15 * time.Second

// eventStream writes Server-Sent Events (WHATWG HTML, section 9.2).
type eventStream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// startEvents begins the answer. From here on an error is an event.
func startEvents(w http.ResponseWriter) *eventStream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would collect the events
	w.WriteHeader(http.StatusOK)
	s := &eventStream{w: w, rc: http.NewResponseController(w)}
	_ = s.rc.Flush() // the next write says whether the client is there
	return s
}

// send writes one event with a JSON document and flushes it.
func (s *eventStream) send(event string, doc any) error {
	data, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	b := make([]byte, 0, len(event)+len(data)+16)
	b = append(append(b, "event: "...), event...)
	b = append(append(b, "\ndata: "...), data...)
	return s.write(append(b, "\n\n"...))
}

// alive writes a comment.
func (s *eventStream) alive() error { return s.write([]byte(": still here\n\n")) }

func (s *eventStream) write(b []byte) error {
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.rc.Flush()
}

// quietly calls f with contexts that end after keepAlive, and says alive after each,
// until f returns because of something else.
func (s *eventStream) quietly(ctx context.Context, f func(ctx context.Context) error) error {
	for {
		quiet, cancel := context.WithTimeout(ctx, keepAlive)
		err := f(quiet)
		timedOut := quiet.Err() != nil && ctx.Err() == nil
		cancel()
		if err == nil || !timedOut {
			return err
		}
		if err := s.alive(); err != nil {
			return err
		}
	}
}
