package trigger

import (
	"context"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

const (
	leaseName = "cron"
	leaseTime = 15 * time.Second // a gateway that dies is followed within it
	leaseKeep = 5 * time.Second  // renewed so often

	// maxSleep is how long the clock is not looked at: it may be set meanwhile.
	maxSleep = 5 * time.Second

	fireTime   = 10 * time.Second // for one firing
	fireAtOnce = 16               // triggers
	firstWait  = time.Second      // after a firing that went wrong; doubled with each
	lastWait   = 30 * time.Second
)

// clock fires cron triggers. One goroutine has it.
type clock struct {
	e      *Engine
	leads  bool
	renew  time.Time                           // by the clock on the wall
	states map[slipway.TriggerRef]*cronTrigger // of those that are armed
}

// cronTrigger is an armed trigger and how far it is.
type cronTrigger struct {
	*armed
	done  time.Time // everything until then
	next  time.Time // nothing is due before; zero is never
	again time.Time // not before; zero is at once
	wait  time.Duration
}

func newClock(e *Engine) *clock {
	return &clock{e: e, states: map[slipway.TriggerRef]*cronTrigger{}}
}

// run fires what is due until ctx ends.
func (c *clock) run(ctx context.Context) {
	for {
		sleep := time.NewTimer(c.turn(ctx))
		select {
		case <-ctx.Done():
			sleep.Stop()
			return
		case <-sleep.C:
		case <-c.e.change:
			sleep.Stop()
		}
	}
}

// turn fires what is due now, if this process has the lease, and says when to look again.
func (c *clock) turn(ctx context.Context) time.Duration {
	now := c.e.cfg.Now()
	if !c.lead(ctx, now) {
		return min(leaseKeep, maxSleep)
	}
	c.adopt()
	var all sync.WaitGroup
	seats := make(chan struct{}, fireAtOnce)
	for _, t := range c.states {
		if !t.again.IsZero() && now.Before(t.again) && t.again.Sub(now) <= lastWait {
			continue
		}
		c.believe(ctx, t, now)
		if t.next.IsZero() || now.Before(t.next) {
			continue
		}
		times := due(t.schedule, *t.Cron, t.done, now)
		if t.look(now); len(times) > 0 {
			seats <- struct{}{}
			all.Go(func() {
				defer func() { <-seats }()
				c.fireAll(ctx, t, times)
			})
		}
	}
	all.Wait()
	return c.sleep(c.e.cfg.Now())
}

// lead says whether this process fires, and renews its lease in time. Who takes it over
// reads first how far the one before got.
func (c *clock) lead(ctx context.Context, now time.Time) bool {
	if c.leads && now.Before(c.renew) && c.renew.Sub(now) <= leaseKeep {
		return true
	}
	has, err := c.e.store.ClaimLease(ctx, leaseName, c.e.cfg.Owner, now, now.Add(leaseTime))
	if err == nil && has && !c.leads {
		if err = c.e.load(ctx); err == nil {
			clear(c.states)
			c.e.log.Info("this gateway fires cron triggers", "triggers", len(c.e.all()))
		}
	}
	if err != nil && ctx.Err() == nil {
		c.e.log.Warn("claiming the lease of cron triggers", "err", err)
	}
	c.leads, c.renew = err == nil && has, now.Add(leaseKeep)
	return c.leads
}

// adopt takes what is armed; a trigger that did not change keeps how far it is.
func (c *clock) adopt() {
	armed := c.e.all()
	for ref, t := range c.states {
		if a := armed[ref]; a == nil || a.Revision != t.Revision || !a.CreatedAt.Equal(t.CreatedAt) {
			delete(c.states, ref)
		} else {
			t.armed = a
		}
	}
	for ref, a := range armed {
		if c.states[ref] == nil && a.Type == slipway.TriggerCron {
			t := &cronTrigger{armed: a, done: a.Cursor}
			t.look(c.e.cfg.Now())
			c.states[ref] = t
		}
	}
}

// believe trusts the clock when what is done is far ahead of it: the clock was wrong before.
// When it is ahead by little, the clock was set back, and nothing fires twice.
func (c *clock) believe(ctx context.Context, t *cronTrigger, now time.Time) {
	if t.done.Sub(now) <= maxAhead {
		return
	}
	c.e.log.Warn("the clock was set back: the trigger goes on from now", "tenant", t.Tenant, "trigger", t.Name, "done_until", t.done)
	if err := c.e.store.CronReset(ctx, t.Trigger, now); err == nil { // else again in the next turn
		t.done = now
		t.look(now)
	}
}

// look finds when t is due next.
func (t *cronTrigger) look(now time.Time) {
	t.next = t.schedule.next(begin(*t.Cron, t.done, now))
}

// fireAll fires the times in order. It stops at one that may work later.
func (c *clock) fireAll(ctx context.Context, t *cronTrigger, times []time.Time) {
	for _, at := range times {
		if !c.fire(ctx, t, at) {
			t.wait = min(max(2*t.wait, firstWait), lastWait)
			t.again = c.e.cfg.Now().Add(t.wait)
			return
		}
		t.done, t.again, t.wait = at, time.Time{}, 0
		t.look(c.e.cfg.Now())
	}
}

// fire fires one time and records it. It says whether the time is done.
func (c *clock) fire(ctx context.Context, t *cronTrigger, at time.Time) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fireTime)
	defer cancel()
	firing, err := c.e.fire(ctx, t.Trigger, scheduled(t.Trigger, once(t.Trigger, "time", at.UTC().Format(time.RFC3339)), at))
	c.e.count(t.Ref(), err)
	status := c.e.status(t.Ref(), firing, err)
	if err != nil && !lasting(err) {
		c.e.log.Warn("a trigger could not fire; it is tried again", "tenant", t.Tenant, "trigger", t.Name, "time", at, "err", err)
		c.e.did.add(t.Ref(), status)
		return false
	}
	if _, err := c.e.store.CronFired(ctx, t.Trigger, at, status); err != nil {
		c.e.log.Warn("recording that a trigger fired; after a restart it may be fired once more, with the same id", "tenant", t.Tenant, "trigger", t.Name, "err", err)
	}
	return true
}

// sleep is how long nothing is due.
func (c *clock) sleep(now time.Time) time.Duration {
	wait := maxSleep
	for _, t := range c.states {
		switch {
		case t.next.IsZero():
		case t.next.After(now):
			wait = min(wait, t.next.Sub(now))
		default: // more of a batch, or again after a failure
			wait = min(wait, max(t.again.Sub(now), 0))
		}
	}
	return max(wait, time.Millisecond)
}
