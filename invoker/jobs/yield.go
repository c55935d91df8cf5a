package jobs

import (
	"context"
	"strconv"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/yield"
)

// usedEvery is how often the rule hears what functions used, while there are attempts.
const usedEvery = time.Second

// follow has attempts stand still while functions are at work, and go on after, as the rule
// says, until ctx ends.
func (r *Runner) follow(ctx context.Context) {
	f := follower{Runner: r, rule: yield.New(yield.Config{CPU: r.cfg.CPU}), before: r.leftovers.Used()}
	bell := r.leftovers.Leftover()
	again := time.NewTimer(0)
	used := time.NewTicker(usedEvery)
	defer again.Stop()
	defer used.Stop()
	for ctx.Err() == nil {
		select {
		case <-bell:
		case <-r.moved:
		case <-again.C:
		case <-used.C:
			f.learn()
		case <-ctx.Done():
		}
		if next := f.look(); !next.IsZero() {
			again.Reset(time.Until(next))
		}
	}
}

// follower is what follow knows.
type follower struct {
	*Runner
	rule   *yield.Rule
	before float64 // seconds that functions had used
}

// look does what the rule says now, and gives the time at which to look again.
func (f *follower) look() time.Time {
	wanted := f.leftovers.Demand()
	f.mu.Lock()
	defer f.mu.Unlock()
	jobs, byID := f.standing()
	now := time.Now()
	d := f.rule.Look(now, wanted, jobs)
	for still, ids := range map[bool][]string{true: d.Freeze, false: d.Thaw} {
		for _, id := range ids {
			a := byID[id]
			a.wanted.still = still
			a.tell()
		}
	}
	if held := f.rule.Held(now); held != f.held {
		f.held = held
		ring(f.changed)
	}
	return d.Next
}

// standing is the attempts that the rule is about: those that run, and that nobody ends. mu
// is held.
func (f *follower) standing() ([]yield.Job, map[string]*attempt) {
	jobs, byID := make([]yield.Job, 0, len(f.active)), make(map[string]*attempt, len(f.active))
	for _, a := range f.active {
		if !a.running || a.wanted.end != itself {
			continue
		}
		id := strconv.FormatInt(a.number, 10)
		byID[id] = a
		jobs = append(jobs, yield.Job{
			ID: id, CPU: a.work.CPU, Priority: a.work.Priority, Preemption: preemption(a.work),
			Number: a.number, Still: a.wanted.still,
		})
	}
	return jobs, byID
}

// preemption is what may be done to the attempts of w.
func preemption(w *work) slipway.Preemption {
	if w.Preemption == "" {
		return slipway.PreemptFreeze
	}
	return w.Preemption
}

// learn tells the rule what functions used since it was told last.
func (f *follower) learn() {
	now := f.leftovers.Used()
	f.rule.Used(time.Now(), max(0, now-f.before))
	f.before = now
}
