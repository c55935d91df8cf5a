package jobs

import (
	"context"
	"strconv"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/invoker/yield"
)

const (
	lookPause = 5 * time.Millisecond // between two looks, at least: changes that come meanwhile are one
	usedEvery = time.Second          // how often the rule hears what functions used
)

// follow has attempts stand still while functions are at work, and go on after, as the rule
// says, until ctx ends.
func (r *Runner) follow(ctx context.Context) {
	f := follower{Runner: r, rule: yield.New(yield.Config{CPU: r.cfg.CPU}), before: r.leftovers.Used()}
	bell := r.leftovers.Leftover()
	again, used := time.NewTimer(0), time.NewTicker(usedEvery)
	defer again.Stop()
	defer used.Stop()
	for ctx.Err() == nil {
		next, running := f.look()
		again.Stop()
		if !next.IsZero() {
			again.Reset(time.Until(next))
		}
		heard := bell
		if !running { // then it is enough to know once a second what functions want
			heard = nil
		}
		wait(ctx, lookPause)
		select {
		case <-heard:
		case <-r.moved:
		case <-again.C:
		case <-used.C:
			f.learn()
		case <-ctx.Done():
		}
	}
}

// follower is what follow knows.
type follower struct {
	*Runner
	rule   *yield.Rule
	before float64 // seconds that functions had used
}

// look does what the rule says now, and gives the time at which to look again, and whether
// there is anybody whom the rule is about.
func (f *follower) look() (next time.Time, running bool) {
	wanted := f.leftovers.Demand()
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	jobs, byID := f.standing(now)
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
	return d.Next, len(jobs) > 0
}

// standing is the attempts that the rule is about: those that run, and that nobody ends. mu
// is held.
func (f *follower) standing(now time.Time) ([]yield.Job, map[string]*attempt) {
	jobs, byID := make([]yield.Job, 0, len(f.active)), make(map[string]*attempt, len(f.active))
	for _, a := range f.active {
		if !a.running || a.wanted.end != itself {
			continue
		}
		id := strconv.FormatInt(a.number, 10)
		byID[id] = a
		jobs = append(jobs, yield.Job{
			ID: id, CPU: a.work.CPU, Priority: a.work.Priority, Preemption: a.preemption(now),
			Number: a.number, Still: a.wanted.still,
			Environment: a.work.Tenant + "/" + a.work.Environment, MinCPU: a.work.MinCPU,
		})
	}
	return jobs, byID
}

// preemption is what may be done to a now. runner.mu is held.
func (a *attempt) preemption(now time.Time) slipway.Preemption {
	if now.Before(a.stuck) {
		return slipway.PreemptNever
	}
	return preemption(a.work)
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
