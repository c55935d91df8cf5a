package batch_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// attempt is one attempt that a runner was given.
type attempt struct {
	slipway.Assignment
	Index int
	stop  chan string     // gets the reason of an order to stop
	dead  <-chan struct{} // closed when the runner is killed
}

func (a attempt) id() string {
	if a.Array == 0 {
		return a.Job
	}
	return slipway.ChildID(a.Job, a.Index)
}

// outcome is what a runner reports in the end.
type outcome struct {
	event  slipway.AttemptEvent // ended when ""
	exit   int
	reason string
}

// runner is an invoker that runs functions of the test instead of sandboxes. Everything
// it hears and says goes over the bus.
type runner struct {
	t           testing.TB
	bus         *bus.Bus
	id          string
	incarnation string
	cpu         float64
	memory      int
	run         func(attempt) outcome

	ctx    context.Context
	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond
	queue   []attempt
	known   map[string]chan string // attempts that it has, by job, index and number
	used    float64
	usedMB  int
	running int
	most    int // that ran at once
	seen    []attempt
}

func startRunner(t testing.TB, b *bus.Bus, id string, cpu float64, memory int, run func(attempt) outcome) *runner {
	r := &runner{t: t, bus: b, id: id, incarnation: slipway.NewID(), cpu: cpu, memory: memory, run: run, known: map[string]chan string{}}
	r.changed = sync.NewCond(&r.mu)
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.ended.Go(func() {
		if err := b.TakeJobs(r.ctx, id, r.incarnation, r.take); err != nil {
			t.Error(err)
		}
	})
	r.ended.Go(r.work)
	r.ended.Go(r.publish)
	t.Cleanup(r.kill)
	return r
}

// kill is the end of the invoker without a word.
func (r *runner) kill() {
	r.cancel()
	r.changed.Broadcast()
	r.ended.Wait()
}

func (r *runner) publish() {
	for r.ctx.Err() == nil {
		r.mu.Lock()
		room := &slipway.JobRoom{Incarnation: r.incarnation, CPU: r.cpu, FreeCPU: r.cpu - r.used, FreeMemoryMB: r.memory - r.usedMB,
			UsedCPU: r.used, UsedMemoryMB: r.usedMB, Running: r.running, Waiting: len(r.queue)}
		r.mu.Unlock()
		// Fails only when the connection is lost: the next one tells.
		_ = r.bus.PublishInvoker(slipway.InvokerState{ID: r.id, CPU: r.cpu, MemoryMB: r.memory, FreeMemoryMB: room.FreeMemoryMB, Jobs: room})
		select {
		case <-r.ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func keyOf(job string, index, n int) string {
	return strings.Join([]string{slipway.ChildID(job, index), string(rune('0' + n))}, "/")
}

func (r *runner) take(all []slipway.Assignment, orders []slipway.JobOrder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range all {
		for i := range a.Children() {
			one := attempt{a, a.From + i, make(chan string, 8), r.ctx.Done()}
			r.queue = append(r.queue, one)
			r.seen = append(r.seen, one)
			r.known[keyOf(a.Job, one.Index, a.Attempt)] = one.stop
		}
	}
	for _, o := range orders {
		for i := o.From; i < max(o.To, o.From+1); i++ {
			if stop := r.known[keyOf(o.Job, i, o.Attempt)]; stop != nil {
				select {
				case stop <- o.Reason:
				default:
				}
			}
		}
	}
	r.changed.Broadcast()
}

// work begins attempts in their order while there is room.
func (r *runner) work() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		for r.ctx.Err() == nil && (len(r.queue) == 0 || r.used+r.queue[0].CPU > r.cpu+1e-9 || r.usedMB+r.queue[0].MemoryMB > r.memory) {
			r.changed.Wait()
		}
		if r.ctx.Err() != nil {
			return
		}
		a := r.queue[0]
		r.queue = r.queue[1:]
		r.used += a.CPU
		r.usedMB += a.MemoryMB
		r.running++
		r.most = max(r.most, r.running)
		r.ended.Go(func() { r.one(a) })
	}
}

func (r *runner) one(a attempt) {
	report := slipway.AttemptReport{Assignment: a.ID, Job: a.Job, Index: a.Index, Attempt: a.Attempt, Event: slipway.AttemptStarted, At: time.Now(), StartedAt: time.Now()}
	r.say(report)
	o := r.run(a)
	if r.ctx.Err() != nil {
		return // the dead say nothing
	}
	report.Event, report.At = slipway.AttemptEnded, time.Now()
	if o.event != "" {
		report.Event = o.event
	} else {
		report.ExitCode = &o.exit
	}
	if report.Reason = o.reason; o.exit != 0 && o.reason == "" {
		report.Reason = slipway.ReasonError + "exit status"
	}
	report.CPUSeconds, report.MemoryPeakMB = 0.001, 1
	r.mu.Lock()
	r.running-- // before anybody can know that there is room
	r.mu.Unlock()
	r.say(report)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used -= a.CPU
	r.usedMB -= a.MemoryMB
	delete(r.known, keyOf(a.Job, a.Index, a.Attempt))
	r.changed.Broadcast()
}

func (r *runner) say(report slipway.AttemptReport) {
	if err := r.bus.Report(r.ctx, []slipway.AttemptReport{report}); err != nil && r.ctx.Err() == nil {
		r.t.Error(err)
	}
}

// order is what it was given, in the order in which it was.
func (r *runner) order() (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.seen {
		ids = append(ids, a.id())
	}
	return ids
}

func succeed(attempt) outcome { return outcome{} }
