package runtimeapi

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

// MaxPayload is the most bytes of an event, and of an answer that is not streamed:
// 6 MiB and 100 bytes, as AWS has it.
const MaxPayload = 6291556

// Event is what one poll gets.
type Event struct {
	ID          string    // Lambda-Runtime-Aws-Request-Id
	Deadline    time.Time // Lambda-Runtime-Deadline-Ms
	FunctionARN string    // Lambda-Runtime-Invoked-Function-Arn
	TraceID     string    // Lambda-Runtime-Trace-Id
	Context     string    // Lambda-Runtime-Client-Context: JSON, decoded already
	Identity    string    // Lambda-Runtime-Cognito-Identity: JSON
	ContentType string    // "" is application/json
	Payload     []byte
}

// Result is what became of an event: exactly one of Error, Stream and Payload (which
// may be empty).
type Result struct {
	ContentType string
	Payload     []byte
	Stream      Stream
	Error       *slipway.FunctionError
}

// ErrClosed is what Invoke gives when the server was closed meanwhile.
var ErrClosed = errors.New("the Runtime API of this instance is closed")

// Server is the Runtime API of one sandbox.
type Server struct {
	http        http.Server
	concurrency int
	events      chan *invocation
	polled      chan struct{} // closed at the first poll
	initFailed  chan struct{} // closed when initError is set
	closed      chan struct{}
	close       sync.Once

	mu        sync.Mutex // guards what follows
	hasPolled bool
	initError *slipway.FunctionError
	given     map[string]*invocation // to a poll; those answered stay until the next poll
}

type invocation struct {
	Event
	ctx      context.Context // ends when nobody waits for it any more, or for the end of its stream
	result   chan *Result    // gets one
	answered bool
}

// New makes a server for a program that works on up to concurrency events at once.
// What the program sends that is no HTTP is logged at level Debug.
func New(concurrency int, log *slog.Logger) *Server {
	s := &Server{
		concurrency: max(1, concurrency),
		events:      make(chan *invocation),
		polled:      make(chan struct{}),
		initFailed:  make(chan struct{}),
		closed:      make(chan struct{}),
		given:       make(map[string]*invocation),
	}
	s.http.Handler = s.routes()
	s.http.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	return s
}

// Serve takes connections from l until Close.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Close closes the listener and every connection, and ends the Invokes that wait.
func (s *Server) Close() error {
	s.close.Do(func() { close(s.closed) })
	return s.http.Close()
}

// Polled is closed when the program asks for its first event: it is ready.
func (s *Server) Polled() <-chan struct{} { return s.polled }

// InitFailed is closed when the program says that it could not initialize; InitError
// is what it said.
func (s *Server) InitFailed() <-chan struct{} { return s.initFailed }

// InitError is nil before InitFailed is closed.
func (s *Server) InitError() *slipway.FunctionError {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.initError
}

// Invoke gives e to the program and waits for what becomes of it. The error is ctx's
// when ctx ends first, or ErrClosed. A Result with a Stream arrives when the stream
// begins; ctx bounds the stream too.
func (s *Server) Invoke(ctx context.Context, e Event) (*Result, error) {
	inv := &invocation{Event: e, ctx: ctx, result: make(chan *Result, 1)}
	select {
	case s.events <- inv:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.closed:
		return nil, ErrClosed
	}
	select {
	case r := <-inv.result:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.closed:
		return nil, ErrClosed
	}
}
