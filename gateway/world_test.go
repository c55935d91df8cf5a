package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/sdk"
	"github.com/slipway-run/slipway/store"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// world is a gateway with a real store and a real bus, and fake invokers.
type world struct {
	t *testing.T

	gateway *gateway.Gateway
	store   *store.Store
	bus     *bus.Bus
	url     string
	key     string
	addr    string
	api     *sdk.Client
	cfg     gateway.Config
	wire    func(*world, *gateway.Gateway) // gives each gateway what else it uses; may be nil
	stop    func()                         // ends the gateway; it may be called once
}

// newWorld starts a gateway whose configuration change may adapt.
func newWorld(t *testing.T, change ...func(*gateway.Config)) *world {
	t.Helper()
	return newWorldWith(t, nil, change...)
}

// newWorldWith is newWorld with a gateway that wire gives what else it uses.
func newWorldWith(t *testing.T, wire func(*world, *gateway.Gateway), change ...func(*gateway.Config)) *world {
	t.Helper()
	log := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	w := &world{t: t, wire: wire, cfg: gateway.Config{ID: "gw", Build: "test", SpoolDir: t.TempDir()}}
	for _, c := range change {
		c(&w.cfg)
	}
	w.openBus(log)
	var err error
	w.store, err = store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "slipway.db"), log)
	must(t, err)
	t.Cleanup(func() { w.store.Close() })
	w.start(log)
	w.makeKey()
	return w
}

func (w *world) openBus(log *slog.Logger) {
	server, err := bus.NewServer(bus.ServerConfig{Dir: w.t.TempDir()}, log)
	must(w.t, err)
	must(w.t, server.Start(w.t.Context()))
	w.t.Cleanup(server.Shutdown)
	w.bus, err = bus.Connect(w.t.Context(), bus.Config{Server: server, Name: "gateway"}, log)
	must(w.t, err)
	w.t.Cleanup(w.bus.Close)
}

// start runs a gateway over w's store and bus.
func (w *world) start(log *slog.Logger) {
	w.t.Helper()
	g, err := gateway.New(w.cfg, w.store, w.bus.Blobs(), w.bus, log)
	must(w.t, err)
	w.gateway = g
	if w.wire != nil {
		w.wire(w, g)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	web, ended := g.Server(), make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	go web.Serve(listener)
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			quick, stop := context.WithTimeout(context.Background(), patience)
			defer stop()
			if err := web.Shutdown(quick); err != nil {
				w.t.Errorf("shut the server down: %v", err)
			}
			cancel()
			if err := <-ended; err != nil {
				w.t.Errorf("run: %v", err)
			}
		})
	}
	w.t.Cleanup(func() { w.stop() })
	w.addr = listener.Addr().String()
	w.url = "http://" + w.addr
	testenv.Eventually(w.t, patience, func() error { return sdk.New(w.url, "").Ready(context.Background()) })
}

// makeKey gives w an admin key, the first of its store.
func (w *world) makeKey() {
	w.key = "slipway_test"
	must(w.t, w.store.AddKey(w.t.Context(), slipway.Key{
		ID: "first", Tenant: slipway.DefaultTenant, Scopes: []string{slipway.ScopeAdmin}, Hash: hashOf(w.key),
	}))
	w.api = sdk.New(w.url, w.key)
}

// publish makes a ready version of a function and puts it live, without a build.
func (w *world) publish(name string, change func(*slipway.Config)) slipway.Version {
	w.t.Helper()
	ctx, config := w.t.Context(), slipway.DefaultConfig()
	if change != nil {
		change(&config)
	}
	ref := slipway.FunctionRef{Tenant: slipway.DefaultTenant, Function: name}
	if _, err := w.store.Function(ctx, ref); err != nil {
		must(w.t, w.store.CreateFunction(ctx, slipway.Function{Tenant: ref.Tenant, Name: name, Config: config}))
	}
	v, err := w.store.AddVersion(ctx, slipway.Version{Tenant: ref.Tenant, Function: name, Config: config})
	must(w.t, err)
	v.State, v.Protocol, v.Runtime, v.Digest = slipway.VersionReady, slipway.ProtocolHTTP, slipway.RuntimeImage, "sha256:"+strings.Repeat("a", 64)
	_, err = w.store.FinishVersion(ctx, v, slipway.LiveAlias, nil)
	must(w.t, err)
	must(w.t, w.bus.PublishChange(ref))
	testenv.Eventually(w.t, patience, func() error { // the gateway hears of it
		s, err := w.api.Status(ctx)
		if err == nil && !slices.ContainsFunc(s.Functions, func(f slipway.FunctionStatus) bool { return f.Function == name && f.Live == v.Number }) {
			err = fmt.Errorf("version %d of %s is not live: %+v", v.Number, name, s.Functions)
		}
		return err
	})
	return v
}

// fakeInvoker takes what the gateway sends to an invoker, and does with it what the test
// wants: the fault that a real one could not be made to have.
type fakeInvoker struct {
	w  *world
	id string

	mu     sync.Mutex
	event  bus.Handler
	build  func(slipway.BuildRequest, func(slipway.BuildEvent)) slipway.BuildEvent
	state  slipway.InvokerState
	events int

	rawBuild bus.Handler // instead of build; nil is not set
}

// newInvoker starts an invoker that echoes events and builds everything at once.
func (w *world) newInvoker(id string) *fakeInvoker {
	w.t.Helper()
	i := &fakeInvoker{w: w, id: id, event: echo, build: buildAnything,
		state: slipway.InvokerState{ID: id, Host: "test", CPU: 2, MemoryMB: 4096, FreeMemoryMB: 4096}}
	i.serve(bus.InvokeSubject(id), func(ctx context.Context, r *slipway.Request) (*slipway.Response, error) {
		i.mu.Lock()
		i.events++
		event := i.event
		i.mu.Unlock()
		return event(ctx, r)
	})
	i.serve(bus.BuildSubject(id), i.serveBuild)
	sub, err := w.bus.Answer(bus.InstancesSubject(id), "", func(context.Context, []byte) (any, error) {
		return []slipway.InstanceInfo{{ID: "i-" + id, Invoker: id, State: slipway.InstanceIdle}}, nil
	})
	must(w.t, err)
	w.t.Cleanup(func() { drain(sub) })
	i.speak()
	return i
}

func (i *fakeInvoker) serve(subject string, h bus.Handler) {
	sub, err := i.w.bus.Serve(subject, "", h)
	must(i.w.t, err)
	i.w.t.Cleanup(func() { drain(sub) })
}

// speak publishes the state now and every second until the test ends.
func (i *fakeInvoker) speak() {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			i.publish(nil)
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	i.w.t.Cleanup(func() { cancel(); group.Wait() })
	testenv.Eventually(i.w.t, patience, func() error { return i.knownAs(func(slipway.InvokerState) bool { return true }) })
}

// publish changes the state and publishes it.
func (i *fakeInvoker) publish(change func(*slipway.InvokerState)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if change != nil {
		change(&i.state)
	}
	i.state.At = time.Now()
	if err := i.w.bus.PublishInvoker(i.state); err != nil {
		i.w.t.Errorf("publish the state of %s: %v", i.id, err)
	}
}

// knownAs is nil when the gateway knows a state of the invoker that is as is says.
func (i *fakeInvoker) knownAs(is func(slipway.InvokerState) bool) error {
	s, err := i.w.api.Status(context.Background())
	if err != nil {
		return err
	}
	for _, state := range s.Invokers {
		if state.ID == i.id && is(state) {
			return nil
		}
	}
	return slipway.Errorf(slipway.ErrNotFound, "the gateway knows %+v", s.Invokers)
}

// handle sets what happens with events.
func (i *fakeInvoker) handle(h bus.Handler) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.event = h
}

// seen is how many events have come.
func (i *fakeInvoker) seen() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.events
}

// builds sets what happens with builds: what it says, and how it ends.
func (i *fakeInvoker) builds(f func(slipway.BuildRequest, func(slipway.BuildEvent)) slipway.BuildEvent) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.build = f
}

// handleBuildWith sets what happens with builds, below what builds sets.
func (i *fakeInvoker) handleBuildWith(h bus.Handler) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.rawBuild = h
}

func (i *fakeInvoker) serveBuild(ctx context.Context, r *slipway.Request) (*slipway.Response, error) {
	i.mu.Lock()
	raw := i.rawBuild
	i.mu.Unlock()
	if raw != nil {
		return raw(ctx, r)
	}
	var req slipway.BuildRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return nil, err
	}
	i.mu.Lock()
	build := i.build
	i.mu.Unlock()
	pr, pw := io.Pipe()
	go func() {
		enc := json.NewEncoder(pw)
		last := build(req, func(e slipway.BuildEvent) { enc.Encode(e) })
		enc.Encode(last)
		pw.Close()
	}()
	return &slipway.Response{Status: http.StatusOK, Length: -1, Body: pr}, nil
}

// buildAnything finds the same in every upload: an image with the upload's digest.
func buildAnything(req slipway.BuildRequest, say func(slipway.BuildEvent)) slipway.BuildEvent {
	say(slipway.BuildEvent{Step: "compile"})
	say(slipway.BuildEvent{Text: "compiling"})
	return built(req)
}

func built(req slipway.BuildRequest) slipway.BuildEvent {
	digest := req.Blob + req.Digest + req.Reference
	return slipway.BuildEvent{Result: &slipway.BuildResult{
		Image: "default/" + req.Version.Function + "@" + digest, Digest: digest,
		Runtime: slipway.RuntimeGo, Protocol: slipway.ProtocolHTTP,
	}}
}

// echo answers with the event's body and facts.
func echo(_ context.Context, r *slipway.Request) (*slipway.Response, error) {
	h := slipway.Header{"Content-Type": {"text/plain"}, "X-Method": {r.Method}, "X-Target": {r.Target}, "X-Host": {r.Host},
		"X-Version": {r.Version.String()}, "X-Id": {r.ID}, "X-Mode": {string(r.Mode)}}
	for name, values := range r.Header {
		h["Got-"+name] = values
	}
	body := r.Body
	if body == nil {
		body = io.NopCloser(strings.NewReader(""))
	}
	return &slipway.Response{
		Status: http.StatusOK, Header: h, Length: r.Length, Body: body,
		Instance: "i", ColdStart: true, Phases: slipway.Phases{Queue: time.Millisecond, Run: 2 * time.Millisecond},
		Used: slipway.Used{CPU: 1500 * time.Microsecond, MemoryPeak: 5<<20 + 1},
	}, nil
}

// answer is a response with a body.
func answer(status int, body string) *slipway.Response {
	return &slipway.Response{Status: status, Header: slipway.Header{}, Length: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}
}

// event sends an HTTP event and gives the answer with its whole body.
func (w *world) event(method, path, body string, header ...string) (*http.Response, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	must(w.t, err)
	return w.do(req, header...)
}

// request is a call of the API without a body, with the admin key.
func (w *world) request(method, path string) *http.Request {
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, nil)
	must(w.t, err)
	req.Header.Set("Authorization", "Bearer "+w.key)
	return req
}

// call calls the API with the admin key.
func (w *world) call(method, path, body string, header ...string) (*http.Response, string) {
	w.t.Helper()
	return w.event(method, path, body, append([]string{"Authorization", "Bearer " + w.key}, header...)...)
}

func (w *world) do(req *http.Request, header ...string) (*http.Response, string) {
	w.t.Helper()
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	must(w.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(w.t, err)
	return resp, string(b)
}

// check compares the status and looks for a part of the body.
func check(t *testing.T, resp *http.Response, body string, status int, part string) {
	t.Helper()
	if resp.StatusCode != status || !strings.Contains(body, part) {
		t.Errorf("%s %s: %s\n%s\nwant %d with %q", resp.Request.Method, resp.Request.URL.Path, resp.Status, body, status, part)
	}
}

func drain(s *bus.Subscription) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.Drain(ctx)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testWriter gives the gateway's log to the test.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}
