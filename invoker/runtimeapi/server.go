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

// MaxPayload is the most bytes of an HTTP event, and of an answer that is not streamed:
// 6 MiB and 100 bytes, as AWS has it.
const MaxPayload = 6291556

// Config is what a Server knows of the function. Its zero value is enough for a program
// that has no extensions.
type Config struct {
	Concurrency int // events that the program works on at once; 1

	// What an extension is told when it registers.
	Function, Version, Handler string
	AccountID                  string
}

// Event is what one poll gets.
type Event struct {
	ID          string    // Lambda-Runtime-Aws-Request-Id
	Deadline    time.Time // Lambda-Runtime-Deadline-Ms
	FunctionARN string    // Lambda-Runtime-Invoked-Function-Arn
	TraceID     string    // Lambda-Runtime-Trace-Id
	Context     string    // Lambda-Runtime-Client-Context: JSON, decoded already
	Identity    string    // Lambda-Runtime-Cognito-Identity: JSON
	ContentType string    // "" is application/json
	Attempt     int       // Slipway-Attempt, which AWS does not have: of an asynchronous event, from 1; 0 is none
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

// ErrClosed is what Invoke gives when the server was closed meanwhile, or the program
// ended.
var ErrClosed = errors.New("the Runtime API of this instance is closed")

// Server is the Runtime API of one sandbox.
type Server struct {
	http   http.Server
	cfg    Config
	events chan *invocation

	ready      chan struct{} // closed when the program and every extension asked for their first event
	initFailed chan struct{} // closed when initError is set
	exited     chan struct{} // closed when exit is set
	closed     chan struct{}
	close      sync.Once

	mu         sync.Mutex // guards what follows
	hasPolled  bool
	isReady    bool
	initPosted bool
	initError  *slipway.FunctionError
	given      map[string]*invocation // to a poll; those answered stay until the next poll
	extensions extensions
	exit       slipway.Exit           // of the program, as its supervisor saw it
	failure    *slipway.FunctionError // of an extension, after the start
}

type invocation struct {
	Event
	ctx      context.Context // ends when nobody waits for it any more, or for the end of its stream
	result   chan *Result    // gets one
	answered bool
}

// New makes a server. What the program sends that is no HTTP is logged at level Debug.
func New(cfg Config, log *slog.Logger) *Server {
	cfg.Concurrency = max(1, cfg.Concurrency)
	s := &Server{
		cfg:        cfg,
		events:     make(chan *invocation),
		ready:      make(chan struct{}),
		initFailed: make(chan struct{}),
		exited:     make(chan struct{}),
		closed:     make(chan struct{}),
		given:      make(map[string]*invocation),
	}
	s.extensions.changed = make(chan struct{})
	s.http.Handler = s.routes()
	s.http.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	return s
}

// maxConnections is how many a program may have at once: a few for each event, and for
// each extension. More wait until one is closed.
const maxConnections = 256

// Serve takes connections from l until Close.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(limit(l, maxConnections+2*s.cfg.Concurrency))
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

// Ready is closed when the program asks for its first event, and every extension that is
// registered by then for its own.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// InitFailed is closed when the program or an extension says that it could not
// initialize; InitError is what it said.
func (s *Server) InitFailed() <-chan struct{} { return s.initFailed }

// InitError is nil before InitFailed is closed.
func (s *Server) InitError() *slipway.FunctionError {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.initError
}

// failInit makes err why the program could not initialize, once and before it was ready.
// mu is held.
func (s *Server) failInit(err *slipway.FunctionError) bool {
	if s.isReady || s.initError != nil {
		return false
	}
	s.initError = err
	close(s.initFailed)
	s.extensions.change()
	return true
}

// checkReady closes ready when nothing is waited for any more. mu is held.
func (s *Server) checkReady() {
	if s.hasPolled && !s.isReady && s.initError == nil && s.extensions.allAsked() {
		s.isReady = true
		close(s.ready)
	}
}

// Invoke gives e to the program and waits for what becomes of it. The error is ctx's
// when ctx ends first, or ErrClosed. A Result with a Stream arrives when the stream
// begins; ctx bounds the stream too.
func (s *Server) Invoke(ctx context.Context, e Event) (*Result, error) {
	inv := &invocation{Event: e, ctx: ctx, result: make(chan *Result, 1)}
	s.announce(e)
	select {
	case s.events <- inv:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.exited:
		return nil, ErrClosed
	case <-s.closed:
		return nil, ErrClosed
	}
	select {
	case r := <-inv.result:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.exited:
	case <-s.closed:
	}
	select {
	case r := <-inv.result: // it came just before the end
		return r, nil
	default:
		return nil, ErrClosed
	}
}
