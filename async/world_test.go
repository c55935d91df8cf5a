package async_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/async"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/store"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// world is a real store and a real bus, functions that tests write in Go, and a clock that
// tests can put forward.
type world struct {
	t      *testing.T
	store  *store.Store
	bus    *bus.Bus
	out    *bus.Outside
	intake *bus.Intake
	fn     *functions
	jobs   *fakeJobs
	engine *async.Engine
	stop   func()

	mu      sync.Mutex
	forward time.Duration
	outside *bus.Outside
}

func newWorld(t *testing.T, change ...func(*async.Config)) *world {
	t.Helper()
	server, err := bus.NewServer(bus.ServerConfig{Dir: t.TempDir()}, (&world{t: t}).log())
	must(t, err)
	must(t, server.Start(t.Context()))
	t.Cleanup(server.Shutdown)
	return newWorldOn(t, server, change...)
}

// newWorldOn is newWorld on a NATS server of the test's own.
func newWorldOn(t *testing.T, server *bus.Server, change ...func(*async.Config)) *world {
	t.Helper()
	w := &world{t: t, fn: newFunctions(), jobs: &fakeJobs{}}
	var err error
	w.bus, err = bus.Connect(t.Context(), bus.Config{Server: server}, w.log())
	must(t, err)
	t.Cleanup(w.bus.Close)
	w.outside, err = bus.ConnectOutside(t.Context(), bus.OutsideConfig{Server: server}, w.log())
	must(t, err)
	t.Cleanup(w.outside.Close)
	w.out, err = bus.ConnectOutside(t.Context(), bus.OutsideConfig{Server: server}, w.log())
	must(t, err)
	t.Cleanup(w.out.Close)
	w.store, err = store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "slipway.db"), w.log())
	must(t, err)
	t.Cleanup(func() { w.store.Close() })
	w.intake, err = w.bus.OpenIntake(t.Context())
	must(t, err)
	w.engine, w.stop = w.start(change...)
	return w
}

func (w *world) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{w.t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// start runs one more engine.
func (w *world) start(change ...func(*async.Config)) (*async.Engine, func()) {
	cfg := async.Config{
		Node: "node-" + slipway.NewID(), SpoolDir: w.t.TempDir(), Look: 50 * time.Millisecond, Beat: 100 * time.Millisecond, Lease: time.Minute,
		Now: w.now, WebhookAllow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Grace: 2 * time.Second,
	}
	for _, c := range change {
		c(&cfg)
	}
	e := async.New(cfg, async.Parts{
		Store: w.store, Intake: w.intake, Blobs: w.bus.Blobs(), Functions: w.fn, Jobs: w.jobs, Subjects: w.outside, Log: w.log(),
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("run: %v", err)
		}
	})
	w.t.Cleanup(stop)
	return e, stop
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.forward)
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forward += d
}

// accept gives an event to a function of the default tenant.
func (w *world) accept(function, payload string) slipway.Invocation {
	w.t.Helper()
	i, err := w.engine.Accept(w.t.Context(), slipway.Event{Tenant: slipway.DefaultTenant, Function: function, Source: "api", Payload: []byte(payload)})
	must(w.t, err)
	return i
}

// await waits until an invocation is in a state.
func (w *world) await(id string, state slipway.InvocationState) (i slipway.Invocation) {
	w.t.Helper()
	testenv.Eventually(w.t, patience, func() (err error) {
		i, err = w.engine.Invocation(context.Background(), slipway.DefaultTenant, id)
		if err == nil && i.State != state {
			err = fmt.Errorf("invocation %s is %s, want %s: %+v", id, i.State, state, i)
		}
		return err
	})
	return i
}

// functions are functions by name, as Go.
type functions struct {
	mu   sync.Mutex
	run  map[string]func(ctx context.Context, c call) (*slipway.Response, error)
	set  map[string]slipway.AsyncSettings
	seen []call
}

// call is one attempt, as the function sees it.
type call struct {
	slipway.Event
	attempt int
	body    string
}

func newFunctions() *functions {
	return &functions{run: map[string]func(context.Context, call) (*slipway.Response, error){}, set: map[string]slipway.AsyncSettings{}}
}

// define makes a function; change may adapt how its events are treated.
func (f *functions) define(name string, run func(context.Context, call) (*slipway.Response, error), change ...func(*slipway.AsyncSettings)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := slipway.AsyncSettings{Async: slipway.DefaultConfig().Async, Capacity: 10}
	for _, c := range change {
		c(&s)
	}
	f.run[name], f.set[name] = run, s
}

func (f *functions) AsyncSettings(_ context.Context, ref slipway.FunctionRef, _ string) (slipway.AsyncSettings, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.set[ref.Function]
	if !ok {
		return s, slipway.Errorf(slipway.ErrNotFound, "function %q does not exist", ref.Function)
	}
	return s, nil
}

func (f *functions) InvokeEvent(ctx context.Context, e slipway.Event, attempt int, body io.Reader) (*slipway.Response, int, error) {
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, 0, err
	}
	c := call{e, attempt, string(b)}
	f.mu.Lock()
	run := f.run[e.Function]
	f.seen = append(f.seen, c)
	f.mu.Unlock()
	if run == nil {
		return nil, 0, slipway.Errorf(slipway.ErrNotFound, "function %q does not exist", e.Function)
	}
	resp, err := run(ctx, c)
	return resp, 1, err
}

// calls are the attempts of a function, in the order they came.
func (f *functions) calls(name string) (calls []call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.seen {
		if c.Function == name {
			calls = append(calls, c)
		}
	}
	return calls
}

func answer(body string) *slipway.Response {
	return &slipway.Response{Status: 200, Header: slipway.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader([]byte(body)))}
}

func fails(kind, message string) *slipway.Response {
	return &slipway.Response{FunctionError: &slipway.FunctionError{Type: kind, Message: message}, LogTail: "the last line"}
}

// echo answers with the event.
func echo(_ context.Context, c call) (*slipway.Response, error) { return answer(c.body), nil }

// fakeJobs remembers what was submitted.
type fakeJobs struct {
	mu   sync.Mutex
	jobs []slipway.JobRequest
}

func (j *fakeJobs) Submit(_ context.Context, _ string, jobs []slipway.JobRequest) ([]slipway.Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.jobs = append(j.jobs, jobs...)
	return make([]slipway.Job, len(jobs)), nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}
