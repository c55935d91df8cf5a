package invoker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/invoker"
	"github.com/slipway-run/slipway/pool"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	status := m.Run()
	if img, err := image(); err == nil {
		os.RemoveAll(img.Layers[0])
	}
	os.Exit(status)
}

// image compiles testdata/fn, once for all tests, into a folder that is an image's only
// layer.
var image = sync.OnceValues(func() (slipway.Image, error) {
	dir, err := os.MkdirTemp("", "slipway-invoker-")
	if err != nil {
		return slipway.Image{}, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return slipway.Image{}, err
	}
	cmd := exec.Command("go", "build", "-o", dir, "./testdata/fn", "./testdata/supervise")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return slipway.Image{}, fmt.Errorf("%w\n%s", err, out)
	}
	return slipway.Image{Digest: "sha256:fn", Layers: []string{dir}, Entrypoint: []string{"/fn"}, Cmd: []string{"http"}}, nil
})

// machine is one invoker with everything real around it but the gateway and the packer.
type machine struct {
	*invoker.Invoker
	t    testing.TB
	bus  *bus.Bus
	pool *pool.Pool
	logs *book
	stop func() error // ends Run and gives its error
	used func() float64

	mu    sync.Mutex // guards what follows
	made  []slipway.Instance
	specs map[slipway.VersionRef]slipway.Spec
	image slipway.Image
}

var machines atomic.Int64

// Prepare implements invoker.Images.
func (m *machine) Prepare(context.Context, string) (slipway.Image, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.image, nil
}

// packed is a Packer for which everything is packed already.
type packed struct{}

func (packed) Build(_ context.Context, _ slipway.BuildRequest, emit func(slipway.BuildEvent)) (slipway.BuildResult, error) {
	emit(slipway.BuildEvent{Step: "layer"})
	return slipway.BuildResult{Image: "default/fn@sha256:fn", Digest: "sha256:fn", Runtime: slipway.RuntimeImage}, nil
}

// watched is a starter whose instances the test can lay hands on.
type watched struct {
	*invoker.Starter
	m *machine
}

func (w watched) Start(ctx context.Context, spec slipway.Spec) (slipway.Instance, error) {
	in, err := w.Starter.Start(ctx, spec)
	if err == nil {
		w.m.mu.Lock()
		defer w.m.mu.Unlock()
		w.m.made = append(w.m.made, in)
	}
	return in, err
}

// latest is the instance that was made last.
func (m *machine) latest() slipway.Instance {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.made[len(m.made)-1]
}

func boot(t testing.TB, change ...func(*invoker.Config)) *machine {
	t.Helper()
	img, err := image()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	native, err := sandbox.New(sandbox.Config{Dir: t.TempDir(), Name: fmt.Sprintf("slipway-inv-%d-%d", os.Getpid(), machines.Add(1))}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := native.Close(); err != nil {
			t.Errorf("close the sandboxes: %v", err)
		}
	})
	m := &machine{t: t, bus: connect(t), logs: &book{}, specs: map[slipway.VersionRef]slipway.Spec{}, image: img}
	if _, err := m.bus.Answer(bus.SpecSubject, "", m.answerSpec); err != nil {
		t.Fatal(err)
	}
	cfg := invoker.Config{ID: "inv1", Supervisor: filepath.Join(img.Layers[0], "supervise"), MemoryMB: 4096, StartTimeout: 20 * time.Second}
	for _, f := range change {
		f(&cfg)
	}
	starter := invoker.NewStarter(cfg, native, m, m.logs, log)
	m.pool = pool.New(pool.Config{MemoryMB: cfg.MemoryMB}, watched{starter, m}, log)
	m.Invoker = invoker.New(cfg, m.pool, starter, packed{}, m, nil, m.bus, log)
	m.used = starter.Used
	m.run()
	return m
}

// connect makes a bus of the test's own.
func connect(t testing.TB) *bus.Bus {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	server, err := bus.NewServer(bus.ServerConfig{Dir: t.TempDir()}, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	b, err := bus.Connect(t.Context(), bus.Config{Server: server, Name: t.Name()}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// run starts the parts, and returns when the invoker takes events.
func (m *machine) run() {
	ready := make(chan struct{}, 1)
	stopWatching, err := m.bus.WatchInvokers(func(slipway.InvokerState) {
		select {
		case ready <- struct{}{}:
		default:
		}
	})
	if err != nil {
		m.t.Fatal(err)
	}
	defer stopWatching()
	defer func() { <-ready }()
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	var ran error
	parts.Go(func() { ran = m.Run(ctx) })
	parts.Go(func() { _ = m.pool.Run(ctx) })
	m.stop = sync.OnceValue(func() error {
		cancel()
		parts.Wait()
		return ran
	})
	m.t.Cleanup(func() {
		if err := m.stop(); err != nil {
			m.t.Errorf("Run: %v", err)
		}
		if n := len(m.pool.Instances(nil)); n != 0 {
			m.t.Errorf("%d instances are left", n)
		}
	})
}

func (m *machine) answerSpec(_ context.Context, in []byte) (any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ref, spec := range m.specs {
		if strings.Contains(string(in), fmt.Sprintf("%q", ref.Function)) {
			return spec, nil
		}
	}
	return nil, slipway.Errorf(slipway.ErrNotFound, "no such version: %s", in)
}

// deploy makes a function whose program is run with args.
func (m *machine) deploy(name string, protocol slipway.Protocol, change ...func(*slipway.Config)) slipway.VersionRef {
	m.t.Helper()
	c := slipway.DefaultConfig()
	c.Network, c.MemoryMB, c.Command = slipway.NetworkNone, 128, []string{"/fn", string(protocol)}
	for _, f := range change {
		f(&c)
	}
	ref := slipway.VersionRef{Tenant: "default", Function: name, Version: 1}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.specs[ref] = slipway.Spec{VersionRef: ref, Digest: "sha256:fn", Protocol: protocol, Config: c}
	return ref
}

// request is an HTTP event.
func request(ref slipway.VersionRef, method, target, body string) *slipway.Request {
	r := &slipway.Request{
		ID: slipway.NewID(), Version: ref, Mode: slipway.ModeHTTP, Received: time.Now(),
		Method: method, Target: target, Host: "fn.localhost", Proto: "HTTP/1.1", RemoteAddr: "192.0.2.1:1234",
		Header: slipway.Header{},
	}
	if body != "" {
		r.Body, r.Length = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
	return r
}

// invocation is a call of the API.
func invocation(ref slipway.VersionRef, body string) *slipway.Request {
	r := request(ref, "POST", "/v1/functions/fn/invocations", body)
	r.Mode = slipway.ModeInvoke
	return r
}

// send gives an event to the invoker; a platform error ends the test.
func (m *machine) send(r *slipway.Request) *slipway.Response {
	m.t.Helper()
	resp, err := m.Invoke(m.t.Context(), r)
	if err != nil {
		m.t.Fatalf("%s %s: %v", r.Method, r.Target, err)
	}
	return resp
}

// get sends a request and gives the answer with its body read.
func (m *machine) get(ref slipway.VersionRef, target string) (*slipway.Response, string) {
	m.t.Helper()
	resp := m.send(request(ref, "GET", target, ""))
	return resp, read(m.t, resp)
}

// read reads a body to its end; a function error ends the test.
func read(t testing.TB, resp *slipway.Response) string {
	t.Helper()
	if resp.FunctionError != nil {
		t.Fatalf("function error: %v\n%s", resp.FunctionError, resp.LogTail)
	}
	if resp.Body == nil {
		return ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	return string(b)
}

// wantFailure checks the function error of an answer.
func wantFailure(t *testing.T, resp *slipway.Response, errorType string, parts ...string) {
	t.Helper()
	fe := resp.FunctionError
	if fe == nil {
		t.Fatalf("status %d and no function error, want %s", resp.Status, errorType)
	}
	if fe.Type != errorType {
		t.Errorf("function error %v, want the type %s", fe, errorType)
	}
	for _, part := range parts {
		if !strings.Contains(fe.Message, part) {
			t.Errorf("function error %q lacks %q", fe.Message, part)
		}
	}
}

// until waits for a condition.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: did not happen within a minute", what)
		}
	}
}

// book keeps log lines.
type book struct {
	mu    sync.Mutex // guards what follows
	lines []slipway.LogLine
}

func (b *book) Write(l slipway.LogLine) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, l)
}

// find gives the lines that hold text.
func (b *book) find(text string) []slipway.LogLine {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []slipway.LogLine
	for _, l := range b.lines {
		if strings.Contains(l.Text, text) {
			found = append(found, l)
		}
	}
	return found
}

func wantKind(t *testing.T, err, kind error, parts ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error %v, want the kind %v", err, kind)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}
