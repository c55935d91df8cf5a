package schedule

import (
	"maps"
	"math"
	"slices"
	"time"
)

// Put says how many children of a job could run now, and what they need; a job that has
// none is not on the board.
func (b *Board) Put(j Job) {
	q := b.tenant(j.Tenant).queue(j.Queue)
	e := b.jobs[j.Num]
	switch {
	case e == nil && j.Ready == 0:
		return
	case e == nil:
		e = &entry{}
		b.jobs[j.Num] = e
	}
	changed := e.Need != j.Need
	e.Job = j
	if j.Ready == 0 {
		delete(b.jobs, j.Num) // its place in the line goes when it is seen
		return
	}
	if e.aside && changed {
		b.reconsider()
	}
	q.add(e)
}

// reconsider puts back what was set aside.
func (b *Board) reconsider() {
	for _, t := range b.tenants {
		for _, q := range t.order {
			aside := q.aside
			q.aside = nil
			for _, e := range aside {
				e.aside = false
				if e.Ready > 0 {
					q.add(e)
				}
			}
		}
	}
}

// Round gives out the room that there is.
type Round struct {
	board   *Board
	now     time.Time
	open    []*tenant // that may get something yet
	done    map[*queue]bool
	held    map[*invoker]*entry   // for a job that does not fit yet
	kept    map[*invoker]*keeper  // held in the round before, and not given up yet
	heldEnv map[*environment]bool // what is left of it is for such a job
}

// Round begins to give out room. Within a round room only becomes less, so that a queue
// whose turn came in vain is done.
func (b *Board) Round(now time.Time) *Round {
	r := &Round{board: b, now: now, done: map[*queue]bool{}, held: map[*invoker]*entry{}, kept: map[*invoker]*keeper{}, heldEnv: map[*environment]bool{}}
	for _, t := range b.tenants {
		r.open = append(r.open, t)
		for _, q := range t.order {
			for _, s := range q.shares {
				s.advance(now, q.decay())
			}
			r.keep(q)
		}
	}
	return r
}

// keeper is a job for which an invoker was held in the round before.
type keeper struct {
	queue *queue
	entry *entry
}

// keep goes on holding what was held for the first job of a queue: also from queues with
// the same priority whose turn comes sooner.
func (r *Round) keep(q *queue) {
	e := q.next()
	if e == nil || e.holds == "" || q.room() <= 0 {
		return
	}
	if v := r.board.invokers[e.holds]; v != nil {
		r.kept[v] = &keeper{q, e}
	}
}

// free says whether a job of a queue may be given to an invoker, if it fits there.
func (r *Round) free(v *invoker, q *queue, e *entry) bool {
	k, h := r.kept[v], r.held[v]
	return (h == nil || h == e) && (k == nil || k.entry == e || k.queue.Priority < q.Priority)
}

// Next is the next decision; it counts as given from then on. false is the end.
func (r *Round) Next() (Grant, bool) {
	for {
		t := r.leastUsed()
		if t == nil {
			return Grant{}, false
		}
		if g, ok := r.ofTenant(t); ok {
			return g, true
		}
		r.close(t)
	}
}

func (r *Round) leastUsed() *tenant {
	var least *tenant
	for _, t := range r.open {
		if least == nil || t.used < least.used || t.used == least.used && t.name < least.name {
			least = t
		}
	}
	return least
}

func (r *Round) close(t *tenant) {
	for i := range r.open {
		if r.open[i] == t {
			r.open = append(r.open[:i], r.open[i+1:]...)
			return
		}
	}
}

// ofTenant gives room to the queues of a tenant by their priority.
func (r *Round) ofTenant(t *tenant) (Grant, bool) {
	for {
		q, e := r.turn(t)
		if q == nil {
			return Grant{}, false
		}
		if g, ok := r.place(t, q, e); ok {
			return g, true
		}
	}
}

// turn is the queue that is next with its first job. Queues without one are done.
func (r *Round) turn(t *tenant) (*queue, *entry) {
	var next *queue
	var first *entry
	for _, q := range t.order {
		if r.done[q] {
			continue
		}
		if next != nil && q.Priority < next.Priority {
			break
		}
		e := q.next()
		if e == nil || q.room() <= 0 {
			r.done[q] = true
			continue
		}
		if first == nil || e.Num < first.Num {
			next, first = q, e
		}
	}
	return next, first
}

// place finds room for the first job of a queue. Without any, what it waits for is held.
func (r *Round) place(t *tenant, q *queue, e *entry) (Grant, bool) {
	possible := false
	if left := r.shareRoom(t, q); left < e.Need.CPU {
		r.done[q] = true // the reservation is for shares that are not active
		return Grant{}, false
	}
	for _, name := range q.ComputeEnvironments {
		env := t.environment(name)
		if !env.on() || env.max > 0 && e.Need.CPU > env.max {
			continue
		}
		v, fits := r.roomiest(env, q, e)
		if v == nil {
			continue
		}
		possible = true
		n := r.most(t, q, env, e)
		if fits && n > 0 && !r.heldEnv[env] {
			return r.give(q, env, v, e, min(n, r.fit(env, q, v, e.Need))), true
		}
	}
	if !possible {
		q.setAside(e)
		return Grant{}, false
	}
	r.hold(t, q, e)
	r.done[q] = true
	return Grant{}, false
}

func (e *environment) on() bool { return e.State != "disabled" }

// most is how many children of a job its limits let begin.
func (r *Round) most(t *tenant, q *queue, env *environment, e *entry) int {
	n := min(e.Ready, q.room(), q.keyRoom(e.Key))
	if q.fair() {
		n = min(n, 1) // whose turn it is then is another question
	}
	if env.max > 0 {
		n = min(n, int((env.max-env.used)/max(e.Need.CPU, 1)))
	}
	return n
}

// shareRoom is how many thousandths of a vCPU a fair queue may use yet: of what its
// environments have, (reservation/100)^active is kept for shares that are not active.
func (r *Round) shareRoom(t *tenant, q *queue) int64 {
	if !q.fair() || q.Policy.Reservation == 0 {
		return math.MaxInt64
	}
	kept := math.Pow(float64(q.Policy.Reservation)/100, float64(q.active()))
	return int64(float64(r.board.size(t, q))*(1-kept)) - q.used
}

// size is how many thousandths of a vCPU the environments of a queue have.
func (b *Board) size(t *tenant, q *queue) int64 {
	var all int64
	seen := map[string]bool{}
	for _, name := range q.ComputeEnvironments {
		env := t.environment(name)
		var machines int64
		for _, id := range b.names {
			if env.matches(id) && !seen[id] {
				seen[id] = true
				machines += b.invokers[id].total.CPU
			}
		}
		if env.max > 0 {
			machines = min(machines, env.max)
		}
		all += machines
	}
	return all
}

// roomiest is the invoker of an environment where the need fits best: with most free
// vCPUs of those where it fits now, else of those where it would if all jobs there ended.
// nil when there is none of either.
func (r *Round) roomiest(env *environment, q *queue, e *entry) (best *invoker, fits bool) {
	need := e.Need
	for _, id := range r.board.names {
		v := r.board.invokers[id]
		if v.draining || !need.within(r.board.capOf(env, q, v, need)) || !env.matches(id) {
			continue
		}
		now := r.free(v, q, e) && r.fit(env, q, v, need) > 0
		if fits && !now {
			continue
		}
		if best == nil || now && !fits || v.cap.CPU-v.used.CPU > best.cap.CPU-best.used.CPU {
			best, fits = v, now
		}
	}
	return best, fits
}

// fit is how many attempts an invoker can be given, its backlog with them.
func (r *Round) fit(env *environment, q *queue, v *invoker, need Need) int {
	return int(need.fit(r.board.capOf(env, q, v, need).plus(need.times(v.backlog)).minus(v.used)))
}

// hold keeps room for a job that does not fit: what is left of environments that it would
// fill up, and one invoker.
func (r *Round) hold(t *tenant, q *queue, e *entry) {
	for _, name := range q.ComputeEnvironments {
		env := t.environment(name)
		if !env.on() || env.max > 0 && e.Need.CPU > env.max {
			continue
		}
		if env.max > 0 && env.used+e.Need.CPU > env.max {
			r.heldEnv[env] = true
			continue
		}
		if v := r.soonest(env, q, e); v != nil {
			r.held[v], e.holds = e, v.id
			return
		}
	}
}

// soonest is the invoker that is held for nobody else and has the most room: the one that
// was held in the round before, or what ends elsewhere would make the job wait for ever.
func (r *Round) soonest(env *environment, q *queue, e *entry) (best *invoker) {
	for _, id := range r.board.names {
		v := r.board.invokers[id]
		if v.draining || !r.free(v, q, e) || !e.Need.within(r.board.capOf(env, q, v, e.Need)) || !env.matches(id) {
			continue
		}
		if id == e.holds {
			return v
		}
		if best == nil || v.cap.CPU-v.used.CPU > best.cap.CPU-best.used.CPU {
			best = v
		}
	}
	return best
}

// give counts a decision.
func (r *Round) give(q *queue, env *environment, v *invoker, e *entry, n int) Grant {
	r.board.account(Held{e.Tenant, e.Queue, e.Share, e.Key, env.Name, v.id, e.Need}, int64(n), r.now)
	r.letGo(e)
	e.holds = ""
	e.Ready -= n
	if e.Ready == 0 {
		delete(r.board.jobs, e.Num)
	}
	return Grant{e.Num, n, env.Name, v.id}
}

// letGo ends what was held for a job: those whose turn came in vain may want it.
func (r *Round) letGo(e *entry) {
	n := len(r.kept) + len(r.held)
	maps.DeleteFunc(r.kept, func(_ *invoker, k *keeper) bool { return k.entry == e })
	maps.DeleteFunc(r.held, func(_ *invoker, h *entry) bool { return h == e })
	if n == len(r.kept)+len(r.held) {
		return
	}
	clear(r.done)
	r.open = slices.Collect(maps.Values(r.board.tenants))
}
