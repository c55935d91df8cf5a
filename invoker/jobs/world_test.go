package jobs_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/invoker/jobs"
	"github.com/slipway-run/slipway/packager"
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

// image compiles testdata/job, once for all tests, into a folder that is an image's only
// layer.
var image = sync.OnceValues(func() (slipway.Image, error) {
	dir, err := os.MkdirTemp("", "slipway-jobs-")
	if err != nil {
		return slipway.Image{}, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return slipway.Image{}, err
	}
	if err := os.Mkdir(filepath.Join(dir, "etc"), 0o755); err != nil {
		return slipway.Image{}, err
	}
	if err := os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte("root:x:0:0::/root:\napp:x:1000:1000::/:\n"), 0o644); err != nil {
		return slipway.Image{}, err
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "bin/job"), "./testdata/job")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return slipway.Image{}, fmt.Errorf("%w\n%s", err, out)
	}
	return slipway.Image{
		Digest: "sha256:job", Layers: []string{dir}, Entrypoint: []string{"/bin/job"}, Cmd: []string{"exit", "0"},
		Env: []string{"OF_IMAGE=1", "SLIPWAY_JOB_ID=forged"}, WorkingDir: "/work",
	}, nil
})

// world is a runner with everything real around it but the scheduler and the images.
type world struct {
	*jobs.Runner
	t        testing.TB
	ctx      context.Context
	cfg      jobs.Config
	bus      *bus.Bus
	native   *sandbox.Native
	pool     *leftovers
	archives *packager.Store
	name     string   // of the control groups
	asked    sync.Map // see launchers
	prepare  func(ctx context.Context, digest string) (slipway.Image, error)
	stop     func() error // ends Run and gives its error
	*book
}

// book keeps reports.
type book struct {
	mu      sync.Mutex // guards what follows
	reports []slipway.AttemptReport
}

// leftovers is a pool's, with a demand of functions that the test sets.
type leftovers struct {
	*pool.Pool
	mu     sync.Mutex // guards what follows
	demand float64
	bells  []chan struct{}
}

func (l *leftovers) Demand() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.demand
}

func (l *leftovers) Used() float64 { return 0 }

func (l *leftovers) Leftover() <-chan struct{} {
	bell := make(chan struct{}, 1)
	l.mu.Lock()
	l.bells = append(l.bells, bell)
	l.mu.Unlock()
	go func() {
		for range l.Pool.Leftover() { // for as long as the test lives
			select {
			case bell <- struct{}{}:
			default:
			}
		}
	}()
	return bell
}

// want sets what functions want of the processors.
func (l *leftovers) want(vcpus float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.demand = vcpus
	for _, bell := range l.bells {
		select {
		case bell <- struct{}{}:
		default:
		}
	}
}

// launchers make each sandbox by the one that its isolation names.
type launchers struct {
	native *sandbox.Native
	oci    slipway.Launcher
	asked  *sync.Map // SandboxSpec by the job's id
}

func (l launchers) Create(ctx context.Context, spec slipway.SandboxSpec) (slipway.Sandbox, error) {
	for _, pair := range spec.Env {
		if id, ok := strings.CutPrefix(pair, "SLIPWAY_JOB_ID="); ok {
			l.asked.Store(id, spec)
		}
	}
	if strings.HasPrefix(spec.Isolation, "oci:") {
		return l.oci.Create(ctx, spec)
	}
	made, err := l.native.Create(ctx, spec)
	switch {
	case err == nil && slices.Contains(spec.Env, "STIFF=1"):
		return stiff{made}, nil
	case err == nil && slices.Contains(spec.Env, "SOFT=1"):
		return soft{made}, nil
	}
	return made, err
}

// soft is a sandbox that says, in the only way it can, that its memory is to go to swap: it
// ends.
type soft struct{ slipway.Sandbox }

func (s soft) Reclaim(ctx context.Context) (int64, error) {
	return 1, errors.Join(s.Thaw(ctx), s.Signal(syscall.SIGTERM))
}

// stiff is a sandbox that cannot be frozen.
type stiff struct{ slipway.Sandbox }

func (stiff) Freeze(context.Context) error { return errors.ErrUnsupported }

// Prepare implements jobs.Images.
func (w *world) Prepare(ctx context.Context, digest string) (slipway.Image, error) {
	return w.prepare(ctx, digest)
}

var worlds atomic.Int64

const invokerID = "inv1"

func boot(t testing.TB, change ...func(*jobs.Config)) *world {
	t.Helper()
	img, err := image()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	name := fmt.Sprintf("slipway-jobs-%d-%d", os.Getpid(), worlds.Add(1))
	native, err := sandbox.New(sandbox.Config{Dir: t.TempDir(), Name: name}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := native.Close(); err != nil {
			t.Errorf("close the sandboxes: %v", err)
		}
	})
	archives, err := packager.NewStore(packager.StoreConfig{Dir: t.TempDir()}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { archives.Close() })
	cfg := jobs.Config{ID: invokerID, Dir: t.TempDir(), CPU: 4, MemoryMB: 2048, OpenFiles: 1024}
	for _, f := range change {
		f(&cfg)
	}
	w := &world{
		t: t, ctx: t.Context(), cfg: cfg, bus: connect(t), native: native, archives: archives, name: name,
		pool:    &leftovers{Pool: pool.New(pool.Config{MemoryMB: cfg.MemoryMB}, bareStarter{}, log)},
		prepare: func(context.Context, string) (slipway.Image, error) { return img, nil }, book: &book{},
	}
	launcher := launchers{native, native.OCI(nil), &w.asked}
	w.Runner = jobs.New(cfg, w.bus, launcher, w, archives, w.pool, w.bus.LogWriter(context.Background()), log)
	w.run()
	return w
}

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

// run starts the parts, and has the end of the test check that nothing is left.
func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	var ran error
	parts.Go(func() { ran = w.Run(ctx) })
	hearing, deaf := context.WithCancel(context.Background())
	var ears sync.WaitGroup
	ears.Go(func() {
		_ = w.bus.TakeReports(hearing, func(all []slipway.AttemptReport, _ int) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.reports = append(w.reports, all...)
			return nil
		})
	})
	w.stop = sync.OnceValue(func() error {
		cancel()
		parts.Wait()
		return ran
	})
	w.t.Cleanup(func() {
		if err := w.stop(); err != nil {
			w.t.Errorf("Run: %v", err)
		}
		if recallable, _ := w.pool.Spare(); recallable != w.cfg.MemoryMB {
			w.t.Errorf("%d MiB of %d are free at the end", recallable, w.cfg.MemoryMB)
		}
		if left, err := os.ReadDir(w.cfg.Dir); err != nil || len(left) != 0 {
			w.t.Errorf("the folder of the runner holds %v: %v", left, err)
		}
		deaf()
		ears.Wait()
	})
	<-w.Ready()
}

// job is an assignment about which nothing special was said.
func job(args ...string) slipway.Assignment {
	return slipway.Assignment{
		ID: slipway.NewID(), Tenant: "default", Job: slipway.NewID(), Name: "j", Attempt: 1, Queue: "q", Environment: "e", Definition: "d:1",
		Digest: "sha256:job", Arguments: args, CPU: 0.5, MemoryMB: 64, EphemeralMB: 32, OutputMB: 4, PIDs: 64,
		Network: slipway.NetworkNone, Isolation: "native", Preemption: slipway.PreemptFreeze,
	}
}

func (w *world) give(all ...slipway.Assignment) {
	w.t.Helper()
	if err := w.bus.GiveAssignments(w.ctx, invokerID, w.incarnation(), all); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) order(a slipway.Assignment, from, to int, reason string) {
	w.t.Helper()
	o := slipway.JobOrder{Order: slipway.JobStop, Job: a.Job, From: from, To: to, Attempt: a.Attempt, Reason: reason}
	if err := w.bus.OrderJobs(w.ctx, invokerID, w.incarnation(), []slipway.JobOrder{o}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) incarnation() string { return w.Room().Incarnation }

// heard is what was reported about a job so far.
func (w *world) heard(a slipway.Assignment) (found []slipway.AttemptReport) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.reports {
		if r.Job == a.Job && r.Attempt == a.Attempt {
			found = append(found, r)
		}
	}
	return found
}

// await waits for a report about the child of a job.
func (w *world) await(a slipway.Assignment, index int, events ...slipway.AttemptEvent) (found slipway.AttemptReport) {
	w.t.Helper()
	testenv.Eventually(w.t, time.Minute, func() error {
		for _, r := range w.heard(a) {
			for _, event := range events {
				if r.Index == index && r.Event == event {
					found = r
					return nil
				}
			}
		}
		return fmt.Errorf("%v of child %d was not reported: %+v", events, index, w.heard(a))
	})
	return found
}

// over waits for the outcome of the child of a job.
func (w *world) over(a slipway.Assignment, index int) slipway.AttemptReport {
	w.t.Helper()
	return w.await(a, index, slipway.AttemptEnded, slipway.AttemptReturned, slipway.AttemptRefused, slipway.AttemptUnstarted)
}

// outcome gives a job and waits for its end.
func (w *world) outcome(a slipway.Assignment) slipway.AttemptReport {
	w.t.Helper()
	w.give(a)
	return w.over(a, 0)
}

// printed waits until a line of the job holds text, and gives all its lines.
func (w *world) printed(a slipway.Assignment, index int, text string) (lines []string) {
	w.t.Helper()
	testenv.Eventually(w.t, time.Minute, func() error {
		lines = nil
		err := w.bus.JobLogs(w.ctx, a.Tenant, a.Job, index, a.Attempt, bus.LogQuery{}, func(l slipway.JobLogLine) error {
			lines = append(lines, l.Stream+": "+l.Text)
			return nil
		})
		if err == nil && !strings.Contains(strings.Join(lines, "\n"), text) {
			err = fmt.Errorf("no line with %q in %q", text, lines)
		}
		return err
	})
	return lines
}

// archive keeps a tar of files, and gives its digest.
func (w *world) archive(entries ...tar.Header) string {
	w.t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, h := range entries {
		text := h.PAXRecords["SLIPWAY.text"]
		h.PAXRecords, h.Size = nil, int64(len(text))
		if err := tw.WriteHeader(&h); err != nil {
			w.t.Fatal(err)
		}
		io.WriteString(tw, text)
	}
	if err := tw.Close(); err != nil {
		w.t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	digest := "sha256:" + hex.EncodeToString(sum[:])
	if err := w.archives.Put(w.ctx, digest, int64(b.Len()), &b); err != nil {
		w.t.Fatal(err)
	}
	return digest
}

func file(name, text string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, PAXRecords: map[string]string{"SLIPWAY.text": text}}
}
