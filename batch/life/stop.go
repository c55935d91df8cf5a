package life

import (
	"time"

	"github.com/slipway-run/slipway"
)

// Cancel ends what of a job has not begun: the job, or with child >= 0 that child of it.
// What an invoker has already goes on; of an array its other children end. A job of
// which an invoker has all there is is ErrConflict. A child must not have ended.
func (b *Book) Cancel(j *Job, child int, reason string, now time.Time) error {
	reason = slipway.ReasonCancelled + reason
	defer b.settle(now)
	if child >= 0 {
		if b.failOne(j, child, reason, now) {
			return nil
		}
		return begunError(j, child)
	}
	if !j.Array && len(j.given) > 0 {
		return begunError(j, 0)
	}
	j.Stop = reason
	b.touch(j)
	b.failAll(j, reason, now)
	return nil
}

func begunError(j *Job, child int) error {
	id := j.ID
	if j.Array {
		id = slipway.ChildID(j.ID, child)
	}
	return slipway.Errorf(slipway.ErrConflict, "job %q has begun; terminate it to end it", id)
}

// Over says whether a child has ended.
func (j *Job) Over(child int) bool {
	if j.with(child) != nil {
		return false
	}
	for _, list := range [][]*slipway.JobSlice{j.waiting, j.delayed} {
		for _, s := range list {
			if s.From <= child && child < s.To {
				return false
			}
		}
	}
	if j.missing != nil && j.sequential == "" {
		return j.missing[child] == begun
	}
	return child < j.Next || j.holes[child]
}

// with is the slice in which a child's attempt is under way, or nil.
func (j *Job) with(child int) *Slice {
	for _, s := range j.given {
		if !s.over(child) {
			return s
		}
	}
	return nil
}

// failOne ends a child that waits or has not begun, and says whether it was one.
func (b *Book) failOne(j *Job, child int, reason string, now time.Time) bool {
	if j.takeOne(child) || b.cut(&j.waiting, child) || b.cut(&j.delayed, child) {
		b.fail(j, child, child+1, reason, now)
		return true
	}
	return false
}

// cut takes a child out of slices that wait.
func (b *Book) cut(list *[]*slipway.JobSlice, child int) bool {
	for k, s := range *list {
		if child < s.From || child >= s.To {
			continue
		}
		b.drop(s)
		var rest []*slipway.JobSlice
		for _, part := range []span{{s.From, child}, {child + 1, s.To}} {
			if part.from < part.to {
				c := *s
				c.From, c.To = part.from, part.to
				b.put(&c)
				rest = append(rest, &c)
			}
		}
		*list = append((*list)[:k:k], append(rest, (*list)[k+1:]...)...)
		return true
	}
	return false
}

// Terminate ends a job, or with child >= 0 that child of it, whatever it does. What runs
// is told to stop, and ends when its invoker says so.
func (b *Book) Terminate(j *Job, child int, reason string, now time.Time) error {
	reason = slipway.ReasonTerminated + reason
	defer b.settle(now)
	if child >= 0 {
		if b.failOne(j, child, reason, now) {
			return nil
		}
		if s := j.with(child); s != nil {
			b.stop(s, child, child+1, reason)
		}
		return nil
	}
	j.Stop = reason
	b.touch(j)
	for _, s := range j.given {
		s.Spans(func(from, to int) { b.stop(s, from, to, reason) })
	}
	b.failAll(j, reason, now)
	return nil
}

// stop tells an invoker to end attempts.
func (b *Book) stop(s *Slice, from, to int, reason string) {
	if s.Live == nil {
		s.Live = map[int]slipway.LiveAttempt{}
	}
	for i := from; i < to; i++ {
		l := s.Live[i]
		l.Stop = reason
		s.Live[i] = l
	}
	b.put(&s.JobSlice)
	b.order(s, from, to, reason)
}

// Stops are the orders about s that were given before.
func (s *Slice) Stops() (all []Order) {
	for i := s.From; i < s.To; i++ {
		if stop := s.Live[i].Stop; stop != "" && !s.over(i) {
			all = append(all, Order{s.Invoker, s.Incarnation, slipway.JobOrder{
				Order: slipway.JobStop, Job: s.Owner.ID, From: i, To: i + 1, Attempt: s.Attempt, Reason: stop}})
		}
	}
	return all
}
