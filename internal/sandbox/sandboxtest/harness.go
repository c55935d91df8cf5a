package sandboxtest

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

// patience bounds every wait: it is passed only when something hangs.
const patience = 30 * time.Second

// payloadEnv names a file with the program of this package, for machines that have no
// Go to build it.
const payloadEnv = "SANDBOXTEST_PAYLOAD"

// Image makes a layer that holds the program of this package as /payload, and the
// files of users and groups. It can be read by all, as the packager's layers can.
func Image(t testing.TB) string {
	t.Helper()
	dir := Layer(t, map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:an app:/home/app:/bin/sh\n",
		"etc/group":  "root:x:0:\napp:x:1001:\nvideo:x:44:app\ndisk:x:6:nobody,app\n",
	})
	payload := filepath.Join(dir, "payload")
	if built := os.Getenv(payloadEnv); built != "" {
		copyProgram(t, built, payload)
	} else {
		buildPayload(t, payload)
	}
	return dir
}

func copyProgram(t testing.TB, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o755); err != nil {
		t.Fatal(err)
	}
}

func buildPayload(t testing.TB, to string) {
	t.Helper()
	_, source, _, _ := runtime.Caller(0)
	build := exec.Command("go", "build", "-o", to, ".")
	build.Dir = filepath.Join(filepath.Dir(source), "testdata", "payload")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the payload: %v\n%s", err, out)
	}
}

// Layer makes a layer of the given files.
func Layer(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// ids of sandboxes are unique in this process; launchers of one test share a machine.
type ids struct{ last atomic.Int64 }

func (i *ids) next() string { return fmt.Sprintf("t%d-%d", os.Getpid(), i.last.Add(1)) }

// Bench is what a test of sandboxes has at hand.
type Bench struct {
	Launcher slipway.Launcher
	Layers   []string // a root with /payload
	Excused  Excuses
	ids      *ids
}

// Excuses are what of the suite cannot hold for a runtime, and why. Nothing is left out
// without one; only what asks for its excuse can have one.
type Excuses map[string]string

// excused says whether there is an excuse, and tells it.
func (b *Bench) excused(t *testing.T, what string) bool {
	t.Helper()
	why, ok := b.Excused[what]
	if ok {
		t.Logf("%s: %s", what, why)
	}
	return ok
}

// NewBench takes a launcher, and an image of Image.
func NewBench(l slipway.Launcher, layers ...string) *Bench {
	return &Bench{Launcher: l, Layers: layers, ids: new(ids)}
}

// Spec is a sandbox that runs the payload with these arguments.
func (b *Bench) Spec(args ...string) slipway.SandboxSpec {
	return slipway.SandboxSpec{
		ID: b.ids.next(), Layers: b.Layers, Args: append([]string{"/payload"}, args...),
		CPU: 1, MemoryMB: 128, PIDs: 64, OpenFiles: 256, Network: slipway.NetworkNone,
	}
}

// Create makes a sandbox that ends with the test.
func (b *Bench) Create(t testing.TB, spec slipway.SandboxSpec) slipway.Sandbox {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := b.Launcher.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Process is a started sandbox with pipes to its streams.
type Process struct {
	slipway.Sandbox
	Stdin  *os.File
	Stdout *os.File // and standard error
}

// Start creates and starts.
func (b *Bench) Start(t testing.TB, spec slipway.SandboxSpec) *Process {
	t.Helper()
	return Start(t, b.Create(t, spec))
}

// Start starts a sandbox with pipes.
func Start(t testing.TB, s slipway.Sandbox) *Process {
	t.Helper()
	p, err := TryStart(t, s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TryStart is Start for a sandbox that may refuse.
func TryStart(t testing.TB, s slipway.Sandbox) (*Process, error) {
	t.Helper()
	stdin, ourStdin := pipe(t)
	ourStdout, stdout := pipe(t)
	defer stdin.Close()
	defer stdout.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := s.Start(ctx, slipway.Stdio{Stdin: stdin, Stdout: stdout, Stderr: stdout})
	return &Process{Sandbox: s, Stdin: ourStdin, Stdout: ourStdout}, err
}

func pipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// Run runs the payload to its end and gives what it printed and how it ended.
func (b *Bench) Run(t testing.TB, spec slipway.SandboxSpec) (string, slipway.Exit) {
	t.Helper()
	p := b.Start(t, spec)
	p.Stdin.Close()
	if err := p.Stdout.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(p.Stdout)
	if err != nil {
		t.Fatalf("read what %s printed: %v", spec.Args, err)
	}
	return string(out), p.Wait(t)
}

// Output is Run for what must succeed.
func (b *Bench) Output(t testing.TB, args ...string) string {
	t.Helper()
	return b.OutputOf(t, b.Spec(args...))
}

// OutputOf is Output for a spec.
func (b *Bench) OutputOf(t testing.TB, spec slipway.SandboxSpec) string {
	t.Helper()
	out, exit := b.Run(t, spec)
	if !exit.Success() {
		t.Fatalf("%s %s: %s\n%s", spec.Args, spec.ID, exit, out)
	}
	return out
}

// Wait waits for the end.
func (p *Process) Wait(t testing.TB) slipway.Exit {
	t.Helper()
	select {
	case <-p.Done():
		return p.Exit()
	case <-time.After(patience):
		t.Fatalf("sandbox %s does not end", p.ID())
		return slipway.Exit{}
	}
}

// Expect reads a line of output and compares it.
func (p *Process) Expect(t testing.TB, want string) {
	t.Helper()
	if err := p.Stdout.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var line strings.Builder
	for b := make([]byte, 1); ; {
		if _, err := p.Stdout.Read(b); err != nil {
			t.Fatalf("after %q: %v", line.String(), err)
		}
		if b[0] == '\n' {
			break
		}
		line.Write(b)
	}
	if line.String() != want {
		t.Fatalf("the process printed %q, want %q", line.String(), want)
	}
}

// Eventually waits until a condition holds.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// wantLines checks that each line is in the output.
func wantLines(t *testing.T, out string, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if !strings.Contains("\n"+out, "\n"+l+"\n") {
			t.Errorf("no line %q in\n%s", l, out)
		}
	}
}
