package batch

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch/life"
	"github.com/slipway-run/slipway/batch/schedule"
)

// turn works in what has happened, gives out room, writes all of it, and only then sends
// and answers.
func (s *scheduler) turn(ctx context.Context, in input) error {
	now := s.now()
	if in.bell || len(in.asks) > 0 || in.tick && now.Sub(s.looked) >= time.Second {
		if err := s.look(ctx, now); err != nil {
			return err
		}
	}
	if in.echo || len(in.states) > 0 {
		s.hears(now)
	}
	for _, r := range in.reports {
		s.work(r, now)
	}
	for _, state := range in.states {
		s.heard(state, now)
	}
	answers := make([]answer, len(in.asks))
	for i, a := range in.asks {
		if a.orders() {
			answers[i] = s.answer(ctx, a, now)
		}
	}
	var usage []slipway.ShareUsage
	if in.tick {
		usage = s.tick(ctx, now)
	}
	if s.current && !s.deaf(now) {
		s.lose(now)
	}
	turn := s.settle(now)
	turn.Changes.Usage = usage
	for i, a := range in.asks { // what is new is on the board only now
		if !a.orders() {
			answers[i] = s.answer(ctx, a, now)
		}
	}
	if !turn.Changes.Empty() {
		if err := s.store.CommitJobs(ctx, s.epoch, turn.Changes); err != nil {
			return err
		}
	}
	s.engine.count(turn.Tally)
	if err := s.send(ctx, turn); err != nil {
		return err
	}
	for _, r := range in.reports {
		r.done <- nil
	}
	for i, a := range in.asks {
		a.done <- answers[i]
	}
	return nil
}

// look reads what others have written: new jobs, queues and environments.
func (s *scheduler) look(ctx context.Context, now time.Time) error {
	s.looked = now
	if err := s.loadCatalog(ctx); err != nil {
		return err
	}
	_, err := s.loadJobs(ctx, nil)
	return err
}

// work works in reports.
func (s *scheduler) work(r reported, now time.Time) {
	for _, report := range r.reports {
		if at := report.At; at.IsZero() {
			report.At = now
		}
		s.book.Report(report, now)
	}
	if r.waiting == 0 && !s.current {
		s.current, s.changed = true, true
	}
}

// heard takes over what an invoker says of itself.
func (s *scheduler) heard(state slipway.InvokerState, now time.Time) {
	m := s.invokers[state.ID]
	if state.Jobs == nil {
		if m != nil && m.Jobs != nil {
			s.board.DropInvoker(state.ID)
		}
		delete(s.invokers, state.ID)
		return
	}
	if m == nil || m.Jobs.Incarnation != state.Jobs.Incarnation {
		m = &machine{}
		s.invokers[state.ID] = m
		s.board.DropInvoker(state.ID)
		s.board.PutInvoker(state, 0)
		s.rehold(state)
	}
	m.InvokerState, m.seen = state, now
	s.board.PutInvoker(state, m.rate)
	s.changed = true
}

// rehold tells the board what an invoker has that was just made known to it.
func (s *scheduler) rehold(state slipway.InvokerState) {
	for _, slice := range s.book.Slices() {
		if slice.Invoker == state.ID && slice.Incarnation == state.Jobs.Incarnation {
			s.board.Occupy(state.ID, schedule.NeedOf(slice.Owner.CPU, slice.Memory()), slice.Left())
		}
	}
}

// tick does what time alone asks for.
func (s *scheduler) tick(ctx context.Context, now time.Time) (usage []slipway.ShareUsage) {
	s.book.Due(now)
	for _, m := range s.invokers {
		lately := float64(m.ended) / s.engine.cfg.Tick.Seconds()
		m.rate, m.ended = max(lately, (m.rate+lately)/2), 0
		s.board.PutInvoker(m.InvokerState, m.rate)
	}
	s.changed = true
	if err := s.engine.bus.EchoJobs(); err != nil {
		s.engine.log.Debug("the scheduler of jobs does not hear itself", "err", err)
	}
	s.limitHeads(now)
	if now.Sub(s.noted) >= usageEvery {
		s.noted = now
		usage = s.board.Usages(now)
	}
	if now.Sub(s.swept) >= sweepEvery {
		s.swept = now
		go s.engine.sweep(ctx, now.Add(-s.engine.cfg.Keep))
	}
	return usage
}

const (
	usageEvery = 10 * time.Second
	sweepEvery = time.Minute
	sweepAtOne = 500
)

// sweep forgets jobs that ended long ago, a little at a time, so that others can write.
func (e *Engine) sweep(ctx context.Context, before time.Time) {
	for ctx.Err() == nil {
		n, err := e.store.SweepJobs(ctx, before, sweepAtOne)
		if err != nil && ctx.Err() == nil {
			e.log.Warn("jobs that ended long ago were not forgotten", "err", err)
		}
		if err != nil || n < sweepAtOne {
			return
		}
	}
}

// deaf says whether it is this scheduler that hears nothing, of anybody: it has no
// connection, or was held up itself.
func (s *scheduler) deaf(now time.Time) bool { return now.Sub(s.listened) > s.engine.cfg.LostAfter/4 }

// hears says that something was heard. That invokers were not while nothing could be is no
// silence of theirs.
func (s *scheduler) hears(now time.Time) {
	if s.deaf(now) {
		gap := now.Sub(s.listened)
		s.engine.log.Warn("the scheduler of jobs heard nothing of anybody for a while; invokers have that time more to be heard of", "duration", gap)
		s.began = s.began.Add(gap)
		for _, m := range s.invokers {
			m.seen = m.seen.Add(gap)
		}
	}
	s.listened = now
}

// lose ends the attempts of invokers that are gone: another one has their name, or they
// have been silent for too long.
func (s *scheduler) lose(now time.Time) {
	type who struct{ invoker, incarnation string }
	gone := map[who]string{}
	for _, slice := range s.book.Slices() {
		w := who{slice.Invoker, slice.Incarnation}
		m := s.invokers[w.invoker]
		switch {
		case m != nil && m.Jobs.Incarnation != w.incarnation:
			gone[w] = "invoker " + w.invoker + " was started anew"
		case m != nil && now.Sub(m.seen) > s.engine.cfg.LostAfter, m == nil && now.Sub(s.began) > s.engine.cfg.LostAfter:
			gone[w] = "nothing was heard of invoker " + w.invoker
		}
	}
	for w, why := range gone {
		n := s.book.Lose(w.invoker, w.incarnation, why, now)
		s.engine.log.Warn("attempts of jobs are lost", "instance", w.invoker, "reason", why, "attempts", n)
	}
	for id, m := range s.invokers {
		if now.Sub(m.seen) > s.engine.cfg.LostAfter {
			delete(s.invokers, id)
			s.board.DropInvoker(id)
		}
	}
}

// settle brings the board up to date with the book, gives out room, and gives all that
// came of it.
func (s *scheduler) settle(now time.Time) life.Turn {
	s.given = s.given[:0]
	turn := s.book.Turn()
	s.apply(turn, now)
	if s.changed && s.current {
		s.changed = false
		s.round(now)
		more := s.book.Turn()
		s.apply(more, now)
		merge(&turn, more)
	}
	return turn
}

// apply tells the board what has changed.
func (s *scheduler) apply(t life.Turn, now time.Time) {
	for _, over := range t.Over {
		s.board.Release(held(over.Slice), over.N, now)
		if m := s.invokers[over.Slice.Invoker]; m != nil && m.Jobs.Incarnation == over.Slice.Incarnation {
			m.ended += over.N // what is lost is no measure of how fast it is
		}
		if over.Slice.Left() == 0 {
			delete(s.resend, over.Slice.Assignment)
		}
	}
	for _, j := range t.Touched {
		s.put(j)
	}
	for _, j := range t.Ended {
		s.specs.drop(j.Num)
	}
	if len(t.Over)+len(t.Touched) > 0 {
		s.changed = true
	}
}

// put says on the board what of a job could run.
func (s *scheduler) put(j *life.Job) {
	ready, memory := j.Ready()
	s.board.Put(schedule.Job{Num: j.Num, ID: j.ID, Tenant: j.Tenant, Queue: j.Queue, Share: j.Share, Key: j.Key, Priority: j.Priority,
		Need: schedule.NeedOf(j.CPU, memory), Ready: ready, Single: !j.Array})
}

// round gives out room. Grants of neighbouring children of a job to the same invoker
// become one slice.
func (s *scheduler) round(now time.Time) {
	round := s.board.Round(now)
	var open schedule.Grant
	flush := func() {
		if open.N > 0 {
			s.grant(open, now)
		}
		open = schedule.Grant{}
	}
	for {
		g, ok := round.Next()
		if !ok {
			break
		}
		if open.N > 0 && open.Job == g.Job && open.Invoker == g.Invoker && open.Environment == g.Environment {
			open.N += g.N
		} else {
			flush()
			open = g
		}
		j := s.book.Job(g.Job)
		if ready, _ := j.Ready(); ready <= open.N { // the next children of the job need to be put first
			flush()
			s.put(j)
		}
	}
	flush()
}

// grant makes a slice of a decision.
func (s *scheduler) grant(g schedule.Grant, now time.Time) {
	m := s.invokers[g.Invoker]
	slice := s.book.Take(g.Job, g.N, slipway.JobSlice{
		Assignment: slipway.NewID(), Invoker: g.Invoker, Incarnation: m.Jobs.Incarnation, Environment: g.Environment, GivenAt: now,
	})
	s.given = append(s.given, slice)
}

// merge puts two turns of the book into one write.
func merge(t *life.Turn, more life.Turn) {
	type key struct {
		job           int64
		attempt, from int
	}
	keyOf := func(s slipway.JobSlice) key { return key{s.Job, s.Attempt, s.From} }
	over := map[key]bool{}
	for _, s := range more.Changes.Drop {
		over[keyOf(s)] = true
	}
	for _, s := range more.Changes.Put {
		over[keyOf(s)] = true
	}
	for _, s := range t.Changes.Put {
		if !over[keyOf(s)] {
			more.Changes.Put = append(more.Changes.Put, s)
		}
	}
	states := map[int64]bool{}
	for _, st := range more.Changes.States {
		states[st.Num] = true
	}
	for _, st := range t.Changes.States {
		if !states[st.Num] {
			more.Changes.States = append(more.Changes.States, st)
		}
	}
	t.Changes.Put, t.Changes.States = more.Changes.Put, more.Changes.States
	t.Changes.Drop = append(t.Changes.Drop, more.Changes.Drop...)
	t.Changes.Attempts = append(t.Changes.Attempts, more.Changes.Attempts...)
	t.Changes.Endings = append(t.Changes.Endings, more.Changes.Endings...)
	t.Orders = append(t.Orders, more.Orders...)
	t.Ended = append(t.Ended, more.Ended...)
	for o, n := range more.Tally {
		t.Tally[o] += n
	}
	for num, j := range more.Touched {
		t.Touched[num] = j
	}
}

// send is what follows from a turn once it is written.
func (s *scheduler) send(ctx context.Context, turn life.Turn) error {
	if err := s.assign(ctx, s.given); err != nil {
		return err
	}
	again, stops := s.due()
	if err := s.assign(ctx, again); err != nil {
		return err
	}
	if err := s.order(ctx, append(turn.Orders, stops...)); err != nil {
		return err
	}
	began := s.told
	s.told = true
	if len(turn.Touched) == 0 || !began && len(turn.Touched) > noticesAtFirst {
		return nil
	}
	ids := make([]string, 0, len(turn.Touched))
	for _, j := range turn.Touched {
		ids = append(ids, j.ID)
	}
	if err := s.engine.bus.PublishJobChanges(ids); err != nil && !errors.Is(err, slipway.ErrUnavailable) {
		return err
	}
	return nil
}

// noticesAtFirst is how many jobs a new scheduler tells of: of most that it has read
// nothing has changed.
const noticesAtFirst = 10_000

// due are the slices of schedulers before that have to be sent again, because their
// invoker is there and may never have got them, and the orders about them.
func (s *scheduler) due() (all []*life.Slice, stops []life.Order) {
	for id, slice := range s.resend {
		m := s.invokers[slice.Invoker]
		if m == nil || !s.current {
			continue
		}
		if m.Jobs.Incarnation == slice.Incarnation && s.book.Slice(id) != nil {
			all = append(all, slice)
			stops = append(stops, slice.Stops()...)
		}
		delete(s.resend, id)
	}
	return all, stops
}

// order sends orders to those that are there; what invokers are gone had is forgotten.
func (s *scheduler) order(ctx context.Context, orders []life.Order) error {
	type who struct{ invoker, incarnation string }
	of := map[who][]slipway.JobOrder{}
	for _, o := range orders {
		w := who{o.Invoker, o.Incarnation}
		of[w] = append(of[w], o.JobOrder)
	}
	for w, list := range of {
		if m := s.invokers[w.invoker]; m != nil && m.Jobs.Incarnation != w.incarnation {
			if err := s.engine.bus.PurgeJobs(ctx, w.invoker, w.incarnation); err != nil {
				return err
			}
			continue
		}
		if err := s.engine.bus.OrderJobs(ctx, w.invoker, w.incarnation, list); err != nil {
			return err
		}
	}
	return nil
}
