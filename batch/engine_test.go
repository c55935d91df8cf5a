package batch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch"
	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/store"
)

const tenant = slipway.DefaultTenant

// world is a store and a bus on which engines and runners can be.
type world struct {
	t     testing.TB
	store *store.Store
	bus   *bus.Bus
	log   *slog.Logger
}

func newWorld(t testing.TB) *world {
	dir := t.TempDir()
	return worldOn(t, "sqlite://"+filepath.Join(dir, "slipway.db"), dir)
}

// worldOn is a world with a store, whose other files are in a folder.
func worldOn(t testing.TB, url, dir string) *world {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := store.Open(t.Context(), url, log)
	must(t, err)
	server, err := bus.NewServer(bus.ServerConfig{Dir: filepath.Join(dir, "nats")}, log)
	must(t, err)
	must(t, server.Start(t.Context()))
	b, err := bus.Connect(t.Context(), bus.Config{Server: server}, log)
	must(t, err)
	t.Cleanup(func() {
		b.Close()
		server.Shutdown()
		must(t, s.Close())
	})
	w := &world{t: t, store: s, bus: b, log: log}
	w.define("d", func(*slipway.JobDefinition) {})
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var quick = batch.Config{ID: "g-1", LeaseTTL: 600 * time.Millisecond, LostAfter: time.Second, Tick: 20 * time.Millisecond}

// engine runs an engine until the test ends or stop is called.
func (w *world) engine(cfg batch.Config) (e *batch.Engine, stop func()) {
	w.t.Helper()
	e = batch.New(cfg, w.store, w.bus, w.log)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			if err := <-ended; err != nil {
				w.t.Error(err)
			}
		}
	}
	w.t.Cleanup(stop)
	return e, stop
}

func (w *world) define(name string, edit func(*slipway.JobDefinition)) {
	w.t.Helper()
	d := slipway.DefaultJobDefinition()
	d.Tenant, d.Name, d.Image, d.Digest, d.Command = tenant, name, "hello", "sha256:1", []string{"/bin/true"}
	edit(&d)
	_, err := w.store.AddDefinition(w.t.Context(), d)
	must(w.t, err)
}

func (w *world) queue(name string, edit func(*slipway.Queue)) {
	w.t.Helper()
	q := slipway.DefaultQueueOf(tenant, name)
	edit(&q)
	must(w.t, q.Check())
	_, _, err := w.store.PutQueue(w.t.Context(), q)
	must(w.t, err)
}

func submit(t testing.TB, e *batch.Engine, edits ...func(*slipway.JobRequest)) slipway.Job {
	t.Helper()
	r := slipway.JobRequest{Name: "j", Definition: "d"}
	for _, edit := range edits {
		edit(&r)
	}
	jobs, err := e.Submit(t.Context(), tenant, []slipway.JobRequest{r})
	must(t, err)
	return jobs[0]
}

func array(n int) func(*slipway.JobRequest) {
	return func(r *slipway.JobRequest) { r.Array = &slipway.ArrayRequest{Size: n} }
}

func after(id string, typ slipway.DependencyType, on slipway.Condition) func(*slipway.JobRequest) {
	return func(r *slipway.JobRequest) {
		r.DependsOn = append(r.DependsOn, slipway.JobDependency{Job: id, Type: typ, On: on})
	}
}

func retries(n int, rules ...slipway.ExitRule) func(*slipway.JobRequest) {
	return func(r *slipway.JobRequest) { r.Retry = &slipway.RetryStrategy{Attempts: n, EvaluateOnExit: rules} }
}

func named(name string) func(*slipway.JobRequest) {
	return func(r *slipway.JobRequest) { r.Name = name }
}

// ends waits for a job to end, and fails the test when it is not as it should be.
func (w *world) ends(id string, want slipway.JobStatus) slipway.Job {
	w.t.Helper()
	var job slipway.Job
	testenv.Eventually(w.t, 30*time.Second, func() (err error) {
		if job, err = w.store.Job(w.t.Context(), tenant, id); err == nil && !job.Status.Ended() {
			err = fmt.Errorf("job %s is %s (%s) %v", id, job.Status, job.StatusReason, job.Array)
		}
		return err
	})
	if job.Status != want {
		w.t.Errorf("job %s is %s (%s), want %s", job.Name, job.Status, job.StatusReason, want)
	}
	return job
}

func (w *world) becomes(id string, want slipway.JobStatus) slipway.Job {
	w.t.Helper()
	var job slipway.Job
	testenv.Eventually(w.t, 30*time.Second, func() (err error) {
		if job, err = w.store.Job(w.t.Context(), tenant, id); err == nil && job.Status != want {
			err = fmt.Errorf("job %s is %s (%s), want %s", id, job.Status, job.StatusReason, want)
		}
		return err
	})
	return job
}

func wantKind(t testing.TB, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error is %v, want one of kind %v", err, kind)
	}
}

func TestMain(m *testing.M) { os.Exit(m.Run()) }

func TestAJobRuns(t *testing.T) {
	w := newWorld(t)
	e, _ := w.engine(quick)
	startRunner(t, w.bus, "i-1", 2, 1024, succeed)
	j := submit(t, e)
	if j.Status != slipway.JobSubmitted || j.Definition != "d:1" || j.Queue != "default" {
		t.Errorf("submitted %+v", j)
	}
	j = w.ends(j.ID, slipway.JobSucceeded)
	if len(j.Attempts) != 1 || j.Attempts[0].Attempt != 1 || *j.ExitCode != 0 || j.Attempts[0].Invoker != "i-1" || j.StartedAt == nil || j.StoppedAt == nil {
		t.Errorf("it ended as %+v", j)
	}
}

func TestAnArrayRuns(t *testing.T) {
	w := newWorld(t)
	e, _ := w.engine(quick)
	r := startRunner(t, w.bus, "i-1", 4, 4096, func(a attempt) outcome {
		if a.Index == 7 {
			return outcome{exit: 3}
		}
		return outcome{}
	})
	good := submit(t, e, array(5), named("five"))
	bad := submit(t, e, array(500))
	w.ends(good.ID, slipway.JobSucceeded)
	j := w.ends(bad.ID, slipway.JobFailed)
	if j.Array.Counts[slipway.JobSucceeded] != 499 || j.Array.Counts[slipway.JobFailed] != 1 || j.StatusReason != "1 of 500 children failed" {
		t.Errorf("it ended as %+v, %v", j, j.Array)
	}
	child := w.ends(slipway.ChildID(bad.ID, 7), slipway.JobFailed)
	if *child.ExitCode != 3 || child.StatusReason != "Error: exit status" || len(child.Attempts) != 1 {
		t.Errorf("child 7 is %+v", child)
	}
	if n := len(r.order()); n != 505 {
		t.Errorf("%d attempts for 505 children", n)
	}
	if all := e.Outcomes(); len(all) != 1 || all[0].Queue != "default" || all[0].Counts[slipway.JobSucceeded] != 504 || all[0].Counts[slipway.JobFailed] != 1 {
		t.Errorf("outcomes %+v", all)
	}
}
