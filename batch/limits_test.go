package batch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/store"
)

func in(queue string) func(*slipway.JobRequest) {
	return func(r *slipway.JobRequest) { r.Queue = queue }
}

func TestLimitsOfAQueue(t *testing.T) {
	w := newWorld(t)
	w.queue("q", func(q *slipway.Queue) { q.MaxRunning, q.KeyLimits = 4, map[string]int{"db": 1, "*": 2} })
	e, _ := w.engine(quick)
	r := startRunner(t, w.bus, "i-1", 16, 1<<20, succeed)
	key := func(k string) func(*slipway.JobRequest) { return func(r *slipway.JobRequest) { r.LimitKey = k } }
	jobs := []slipway.Job{
		submit(t, e, in("q"), array(40), key("db")), submit(t, e, in("q"), array(40), key("other")),
		submit(t, e, in("q"), array(40)), submit(t, e, in("q"), key("db")),
	}
	for _, j := range jobs {
		w.ends(j.ID, slipway.JobSucceeded)
	}
	if r.most > 4 {
		t.Errorf("%d ran at once, 4 are allowed", r.most)
	}
}

func TestExplainInNumbers(t *testing.T) {
	w := newWorld(t)
	w.queue("one", func(q *slipway.Queue) { q.MaxRunning, q.KeyLimits = 2, map[string]int{"db": 1} })
	e, _ := w.engine(quick)
	release := make(chan struct{})
	startRunner(t, w.bus, "i-1", 2, 1000, func(attempt) outcome { <-release; return outcome{} })
	defer close(release)
	with := func(cpu float64, mb int) func(*slipway.JobRequest) {
		return func(r *slipway.JobRequest) { r.Overrides = &slipway.JobOverrides{CPU: cpu, MemoryMB: mb} }
	}
	db := func(r *slipway.JobRequest) { r.LimitKey = "db" }
	running := submit(t, e, in("one"), db, with(0.5, 700))
	w.becomes(running.ID, slipway.JobRunning)
	for _, c := range []struct {
		kind  string
		text  string
		edits []func(*slipway.JobRequest)
	}{
		{"key_limit", "limit_key db is limited to 1 at once, and 1 run", []func(*slipway.JobRequest){in("one"), db}},
		{"memory", "needs 400 MiB, 300 free on the roomiest invoker, i-1; room when job " + running.ID + " ends", []func(*slipway.JobRequest){with(0.25, 400)}},
		{"environment", "has no invoker that takes jobs", []func(*slipway.JobRequest){in("nowhere")}},
		{"dependency", "waits for job " + running.ID + ", which is RUNNING", []func(*slipway.JobRequest){after(running.ID, "", "")}},
	} {
		if c.kind == "environment" {
			env := slipway.DefaultEnvironmentOf(tenant, "far")
			env.Invokers = []string{"far-*"}
			_, _, err := w.store.PutEnvironment(t.Context(), env)
			must(t, err)
			w.queue("nowhere", func(q *slipway.Queue) { q.ComputeEnvironments = []string{"far"} })
		}
		j := submit(t, e, c.edits...)
		var x slipway.Explanation
		testenv.Eventually(t, 10*time.Second, func() (err error) {
			if x, err = e.Explain(t.Context(), tenant, j.ID); err == nil && (len(x.Blocks) == 0 || !strings.Contains(x.Reason, c.text)) {
				err = fmt.Errorf("%s: explained as %+v", c.kind, x)
			}
			return err
		})
		if x.Blocks[0].Kind != c.kind {
			t.Errorf("%s: explained as %+v", c.kind, x)
		}
		must(t, e.Cancel(t.Context(), tenant, j.ID, ""))
	}
	x, err := e.Explain(t.Context(), tenant, running.ID)
	must(t, err)
	if x.Status != slipway.JobRunning || !strings.Contains(x.Reason, "attempt 1 runs on invoker i-1") {
		t.Errorf("the running one: %+v", x)
	}
	all := []slipway.ComputeEnvironment{{Name: "default"}}
	must(t, e.Environments(t.Context(), tenant, all))
	counts, err := e.Counts(t.Context())
	must(t, err)
	if all[0].Used != 0.5 || len(counts) != 1 || counts[0].Counts[slipway.JobRunning] != 1 {
		t.Errorf("environment %+v, counts %+v", all[0], counts)
	}
}

// A job can be explained in the moment in which it was accepted, also in a queue that was
// made just before.
func TestExplainAtOnce(t *testing.T) {
	w := newWorld(t)
	cfg := quick
	cfg.LostAfter = time.Minute // however slow the machine is, the invoker is there
	e, _ := w.engine(cfg)
	startRunner(t, w.bus, "i-1", 2, 1000, succeed)
	w.ends(submit(t, e).ID, slipway.JobSucceeded) // the scheduler knows the invoker
	for i := range 20 {
		name := fmt.Sprintf("fair-%d", i)
		w.queue(name, func(q *slipway.Queue) { q.Policy.Type = "fair" })
		j := submit(t, e, in(name), func(r *slipway.JobRequest) { r.Share, r.Overrides = "s", &slipway.JobOverrides{MemoryMB: 4000} })
		x, err := e.Explain(t.Context(), tenant, j.ID)
		must(t, err)
		if len(x.Blocks) != 1 || x.Blocks[0].Kind != "memory" || x.Blocks[0].Need != 4000 || len(x.Invokers) != 1 {
			t.Errorf("%s: explained as %+v", name, x)
		}
	}
}

// A submission that cannot be stored takes no other one with it that comes at the same time.
func TestOneBadSubmissionIsAlone(t *testing.T) {
	w := newWorld(t)
	spoilt := &spoiltStore{w.store}
	e := batch.New(quick, spoilt, w.bus, w.log)
	errs := make(chan error, 40)
	for i := range cap(errs) { // all of them wait when the engine begins
		go func() {
			r := slipway.JobRequest{Name: "good", Definition: "d"}
			if i%4 == 0 {
				r.Name = "bad"
			}
			_, err := e.Submit(t.Context(), tenant, []slipway.JobRequest{r})
			if bad := errors.Is(err, slipway.ErrInvalid); err == nil == (r.Name == "bad") || err != nil && !bad {
				err = fmt.Errorf("%s: %w", r.Name, err)
			} else {
				err = nil
			}
			errs <- err
		}()
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	cancel()
	must(t, <-ended)
}

// spoiltStore refuses jobs named bad.
type spoiltStore struct{ *store.Store }

func (s *spoiltStore) AddJobs(ctx context.Context, jobs []slipway.JobRecord) ([]slipway.JobRecord, []bool, error) {
	for _, j := range jobs {
		if j.Request.Name == "bad" {
			return nil, nil, slipway.Errorf(slipway.ErrInvalid, "it is bad")
		}
	}
	return s.Store.AddJobs(ctx, jobs)
}

func TestWhatIsRefused(t *testing.T) {
	w := newWorld(t)
	w.queue("off", func(q *slipway.Queue) { q.State = slipway.Disabled })
	w.define("p", func(d *slipway.JobDefinition) { d.Command = []string{"echo", "Ref::who"} })
	w.define("many", func(d *slipway.JobDefinition) { d.Command = []string{"echo", strings.Repeat("Ref::v ", 5000)} })
	e, _ := w.engine(quick)
	for _, c := range []struct {
		kind error
		text string
		edit func(*slipway.JobRequest)
	}{
		{slipway.ErrConflict, `queue "off" is disabled`, in("off")},
		{slipway.ErrNotFound, `queue "missing"`, in("missing")},
		{slipway.ErrNotFound, `job definition "missing`, func(r *slipway.JobRequest) { r.Definition = "missing" }},
		{slipway.ErrNotFound, `revision 9 of job definition "d"`, func(r *slipway.JobRequest) { r.Definition = "d:9" }},
		{slipway.ErrInvalid, `array.size`, array(1)},
		{slipway.ErrInvalid, `have 250005006 bytes`, func(r *slipway.JobRequest) {
			r.Definition, r.Parameters = "many", map[string]string{"v": strings.Repeat("x", 50_000)}
		}},
		{slipway.ErrInvalid, `Ref::who`, func(r *slipway.JobRequest) { r.Definition = "p" }},
	} {
		r := slipway.JobRequest{Name: "j", Definition: "d"}
		c.edit(&r)
		_, err := e.Submit(t.Context(), tenant, []slipway.JobRequest{r})
		wantKind(t, err, c.kind)
		if err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("error %v does not say %s", err, c.text)
		}
		_, err = e.Submit(t.Context(), tenant, []slipway.JobRequest{{Name: "j", Definition: "d"}, r})
		if err == nil || !strings.HasPrefix(err.Error(), "jobs[1]: ") {
			t.Errorf("of two: %v", err)
		}
	}
	if list, err := w.store.Jobs(t.Context(), tenant, slipway.JobFilter{}, slipway.Page{}); err != nil || len(list.Items) > 0 {
		t.Errorf("there are jobs: %+v, %v", list, err)
	}
}

func TestWhatAnAssignmentSays(t *testing.T) {
	w := newWorld(t)
	w.queue("q", func(q *slipway.Queue) { q.Priority, q.Preemption = 7, slipway.PreemptRequeue })
	w.define("p", func(d *slipway.JobDefinition) {
		d.Command, d.Arguments = []string{"echo", "Ref::who"}, []string{"--to=Ref::place", "plain"}
		d.Parameters, d.Env = map[string]string{"who": "nobody", "place": "here"}, map[string]string{"A": "1", "B": "2"}
		d.Timeout, d.PIDs = slipway.Duration(time.Minute), 99
	})
	e, _ := w.engine(quick)
	r := startRunner(t, w.bus, "i-1", 2, 1024, succeed)
	j := submit(t, e, in("q"), func(r *slipway.JobRequest) {
		r.Definition, r.Parameters = "p", map[string]string{"who": "me"}
		r.Overrides = &slipway.JobOverrides{Env: map[string]string{"B": "3"}, CPU: 0.5, MemoryMB: 100}
		r.IdempotencyKey = "once"
	})
	w.ends(j.ID, slipway.JobSucceeded)
	if again := submit(t, e, in("q"), func(r *slipway.JobRequest) { r.IdempotencyKey = "once" }); again.ID != j.ID || again.Status != slipway.JobSucceeded {
		t.Errorf("with the same key: %+v", again)
	}
	a := r.seen[0].Assignment
	got := strings.TrimSpace(fmt.Sprintln(a.Command, a.Arguments, a.Env, a.CPU, a.MemoryMB, a.Timeout, a.PIDs, a.Queue, a.Priority, a.Preemption, a.Digest, a.Environment, a.Definition))
	want := "[echo me] [--to=here plain] map[A:1 B:3] 0.5 100 1m0s 99 q 7 requeue sha256:1 default p:1"
	if got != want || len(r.seen) != 1 {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Time passes by the clock that the engine was given.
func TestAStuckHeadIsCancelled(t *testing.T) {
	w := newWorld(t)
	w.queue("q", func(q *slipway.Queue) {
		q.StateLimits = []slipway.StateLimit{{Reason: "memory", After: slipway.Duration(10 * time.Minute)}}
	})
	began := time.Now()
	cfg := quick
	cfg.LostAfter = time.Hour
	cfg.Now = func() time.Time { return began.Add(1000 * time.Since(began)) }
	e, _ := w.engine(cfg)
	startRunner(t, w.bus, "i-1", 2, 1024, succeed)
	big := submit(t, e, in("q"), func(r *slipway.JobRequest) { r.Overrides = &slipway.JobOverrides{MemoryMB: 2048} })
	small := submit(t, e, in("q"))
	w.ends(small.ID, slipway.JobSucceeded) // what fits nowhere lets others pass
	j := w.ends(big.ID, slipway.JobFailed)
	if !strings.Contains(j.StatusReason, "it was first in queue q for 10m0s and could not run: needs 2048 MiB") {
		t.Errorf("reason %q", j.StatusReason)
	}
}

func TestOldJobsAreForgotten(t *testing.T) {
	w := newWorld(t)
	began := time.Now()
	cfg := quick
	cfg.LostAfter, cfg.Keep = 24*time.Hour, time.Hour
	cfg.Now = func() time.Time { return began.Add(10_000 * time.Since(began)) }
	e, _ := w.engine(cfg)
	startRunner(t, w.bus, "i-1", 2, 1024, succeed)
	j := submit(t, e)
	testenv.Eventually(t, 30*time.Second, func() error {
		list, err := w.store.Jobs(t.Context(), tenant, slipway.JobFilter{}, slipway.Page{})
		if err == nil && len(list.Items) > 0 {
			err = fmt.Errorf("job %s is there: %+v", j.ID, list.Items[0])
		}
		return err
	})
}
