package jobs

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

// Runner runs the attempts of jobs that an invoker is given.
type Runner struct {
	cfg       Config
	scheduler Scheduler
	launcher  slipway.Launcher
	images    Images
	archives  Archives
	leftovers Leftovers
	logs      Logs
	log       *slog.Logger

	incarnation string
	reports     *reporter
	inputs      *inputs
	wake        chan struct{} // gets a value when something may begin
	changed     chan struct{} // gets a value when Room has
	moved       chan struct{} // gets a value when other attempts run
	ready       chan struct{} // closed when Run takes work
	attempts    sync.WaitGroup

	mu       sync.Mutex // guards what follows
	backlog  backlog
	active   map[key]*attempt // from their beginning until their process has ended
	numbers  int64            // of attempts that have begun
	cpu      int64            // thousandths of a vCPU that the active may use
	starting int              // active ones whose process was not executed yet
	closing  int              // attempts that have ended and whose sandbox is still there
	held     float64          // vCPUs that jobs do without for the sake of functions
	draining bool
}

// New makes a Runner; it starts nothing.
func New(cfg Config, scheduler Scheduler, launcher slipway.Launcher, images Images, archives Archives, leftovers Leftovers, logs Logs, log *slog.Logger) *Runner {
	cfg = cfg.withDefaults()
	return &Runner{
		cfg: cfg, scheduler: scheduler, launcher: launcher, images: images, archives: archives,
		leftovers: leftovers, logs: logs, log: log,
		incarnation: slipway.NewID(), reports: newReporter(scheduler.Report, log),
		inputs: newInputs(cfg, archives, log),
		wake:   make(chan struct{}, 1), changed: make(chan struct{}, 1), moved: make(chan struct{}, 1), ready: make(chan struct{}),
		active: map[key]*attempt{},
	}
}

// Run takes work until ctx ends. Then what has not begun is given back, what runs may
// finish within the shutdown timeout and is ended and given back after it, and Run returns
// when all of that is reported and nothing is left.
func (r *Runner) Run(ctx context.Context) error {
	if err := r.inputs.open(); err != nil {
		return err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx)) // of what must outlive ctx until all is reported
	defer end()
	last := make(chan struct{})
	var parts, speaking sync.WaitGroup
	speaking.Go(func() { r.reports.run(life, last) })
	following, stopFollowing := context.WithCancel(life)
	defer stopFollowing()
	speaking.Go(func() { r.follow(following) })
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	parts.Go(func() { r.dispatch(ctx, life) })
	parts.Go(func() { fail(r.scheduler.TakeJobs(ctx, r.cfg.ID, r.incarnation, r.take)) })
	close(r.ready)
	r.log.Info("invoker takes jobs", "invoker", r.cfg.ID, "cpu", r.cfg.CPU)
	<-ctx.Done()
	r.drain()
	parts.Wait()
	r.finish()
	close(last)
	stopFollowing()
	time.AfterFunc(r.cfg.ReturnGrace, end) // whoever does not hear of the end finds out that this incarnation is gone
	speaking.Wait()
	r.inputs.close()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Ready is closed when Run takes work.
func (r *Runner) Ready() <-chan struct{} { return r.ready }

// drain gives back what has not begun, and lets nothing new begin.
func (r *Runner) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = true
	r.backlog.empty(func(w *work, index int) { r.unstart(w, index, "the invoker stops") })
	r.signal()
}

// finish waits for what runs, and ends it when that takes too long.
func (r *Runner) finish() {
	done := make(chan struct{})
	go func() { r.attempts.Wait(); close(done) }()
	patience := time.NewTimer(r.cfg.ShutdownTimeout)
	defer patience.Stop()
	select {
	case <-done:
		return
	case <-patience.C:
	}
	r.mu.Lock()
	for _, a := range r.active {
		a.want(returned, "the invoker stops")
	}
	r.mu.Unlock()
	<-done
}

// take has new work and orders in its hands when it returns.
func (r *Runner) take(assignments []slipway.Assignment, orders []slipway.JobOrder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range assignments {
		r.accept(a)
	}
	for _, o := range orders {
		r.obey(o)
	}
	r.signal()
}

// accept puts an assignment into the backlog, unless it never could begin. mu is held.
func (r *Runner) accept(a slipway.Assignment) {
	why := ""
	switch {
	case r.draining:
		why = "the invoker stops"
	case thousandths(a.CPU) > thousandths(r.cfg.CPU) || r.cfg.MemoryMB > 0 && a.MemoryMB > r.cfg.MemoryMB:
		why = tooLarge(a, r.cfg)
	}
	if why == "" {
		r.backlog.add(a)
		return
	}
	refused := backlog{}
	refused.add(a)
	refused.empty(func(w *work, index int) { r.refuse(w, index, why) })
}

// obey ends attempts, whether or not they have begun. mu is held.
func (r *Runner) obey(o slipway.JobOrder) {
	if o.Order != slipway.JobStop {
		r.log.Warn("an order is not known, and left out", "order", o.Order, "job", o.Job)
		return
	}
	r.backlog.takeBack(o, func(w *work, index int) { r.unstart(w, index, o.Reason) })
	for k, a := range r.active {
		if k.job != o.Job || k.attempt != o.Attempt {
			continue
		}
		if c := span(a.work.Array > 0, o.From, o.To); c.next <= a.index && a.index < c.end {
			a.want(stopped, strings.TrimPrefix(o.Reason, slipway.ReasonTerminated))
		}
	}
}

// unstart gives back what has not begun.
func (r *Runner) unstart(w *work, index int, why string) {
	report := r.reportOf(w, index, slipway.AttemptUnstarted)
	report.Reason = why
	r.reports.add(report)
}

// refuse gives back what this machine cannot run.
func (r *Runner) refuse(w *work, index int, why string) {
	report := r.reportOf(w, index, slipway.AttemptRefused)
	report.Reason = why
	r.reports.add(report)
}

// wantOf is want for who does not hold mu.
func (r *Runner) wantOf(a *attempt, end ending, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.want(end, reason)
}
