package life

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/slipway-run/slipway"
)

// depend makes a job wait for what it depends on.
func (b *Book) depend(j *Job, r slipway.JobRecord, past Past, now time.Time) {
	for _, d := range r.Request.DependsOn {
		on := cmp.Or(d.On, slipway.OnSuccess)
		switch d.Type {
		case slipway.DependsSequential: // see Add
		case slipway.DependsNToN:
			b.twin(j, d.Job, on, past, now)
		default:
			b.await(j, d.Job, on, past, now)
		}
		if j.Status.Ended() {
			return
		}
	}
	if j.missing != nil && j.sequential == "" {
		for i, n := range j.missing {
			if n == 0 {
				j.release(i)
			}
		}
	}
	switch {
	case j.whole == 0:
		b.opened(j, now)
	case j.Status == slipway.JobSubmitted:
		j.Status = slipway.JobPending
		b.touch(j)
	}
}

// await makes a job wait for the end of another one, or of a child.
func (b *Book) await(j *Job, id string, on slipway.Condition, past Past, now time.Time) {
	parent, child, err := slipway.SplitJobID(id)
	if err != nil {
		return // it was checked when it was accepted
	}
	if ended, ok := b.hasEnded(parent, id, child, past); ended {
		b.met(j, id, on, ok, now)
		return
	}
	other := b.ids[parent]
	if other == nil {
		return // it was forgotten
	}
	if child >= 0 {
		b.watched[other.Num]++
	}
	key := dependency{other.Num, child}
	b.waiters[key] = append(b.waiters[key], waiter{j, on})
	j.whole++
	j.waitsFor = append(j.waitsFor, id)
}

// hasEnded says whether a job, or with child >= 0 a child of it, has ended, and how. What
// happened in this turn is not among what is past.
func (b *Book) hasEnded(parent, id string, child int, past Past) (ended, succeeded bool) {
	j := b.ids[parent]
	if child < 0 && j != nil {
		return false, false
	}
	if j == nil {
		j = b.closed[parent]
	}
	if child < 0 && j != nil {
		return true, j.Status == slipway.JobSucceeded
	}
	if j != nil {
		for _, o := range b.lately[j.Num] {
			if o.from <= child && child < o.to {
				return true, o.succeeded
			}
		}
	}
	ended, succeeded, known := past.Ended(id)
	return ended && known, succeeded
}

// met is a dependency that ended before its dependant came.
func (b *Book) met(j *Job, id string, on slipway.Condition, succeeded bool, now time.Time) {
	if !satisfied(on, succeeded) {
		b.failAll(j, unmet(id, succeeded), now)
	}
}

// twin makes each child wait for the child of another array with the same index.
func (b *Book) twin(j *Job, id string, on slipway.Condition, past Past, now time.Time) {
	waits := make([]bool, j.Size)
	other := b.ids[id]
	if other != nil {
		for i := range waits {
			waits[i] = true
		}
		b.twins[other.Num] = append(b.twins[other.Num], waiter{j, on})
	}
	ended := func(from, to int, ok bool) {
		for i := from; i < min(to, j.Size); i++ {
			waits[i] = false
			if !satisfied(on, ok) && j.takeOne(i) {
				b.fail(j, i, i+1, unmet(slipway.ChildID(id, i), ok), now)
			}
		}
	}
	past.Children(id, ended)
	if other == nil {
		other = b.closed[id]
	}
	if other != nil {
		for _, o := range b.lately[other.Num] {
			ended(o.from, o.to, o.succeeded)
		}
	}
	for i, wait := range waits {
		if wait && j.missing[i] != begun {
			j.missing[i]++
		}
	}
}

// opened says that a job waits for no other one any more.
func (b *Book) opened(j *Job, now time.Time) {
	j.open, j.RunnableAt = true, now
	if j.Status == slipway.JobSubmitted || j.Status == slipway.JobPending {
		j.Status = slipway.JobRunnable
		b.dirty[j.Num] = j
	}
	b.turn.Touched[j.Num] = j
}

// settle works off the jobs that have ended, and those that end because of that.
func (b *Book) settle(now time.Time) {
	for len(b.endings) > 0 {
		e := b.endings[0]
		b.endings = b.endings[1:]
		key := dependency{e.job.Num, -1}
		all := b.waiters[key]
		delete(b.waiters, key)
		delete(b.twins, e.job.Num)
		delete(b.watched, e.job.Num)
		for _, w := range all {
			b.heard(w, e.job.ID, e.succeeded, now)
		}
	}
}

// heard tells a waiter how a job or a child ended that it waits for as a whole.
func (b *Book) heard(w waiter, id string, succeeded bool, now time.Time) {
	j := w.job
	if j.Status.Ended() {
		return
	}
	if !satisfied(w.on, succeeded) {
		b.failAll(j, unmet(id, succeeded), now)
		return
	}
	j.whole--
	if i := slices.Index(j.waitsFor, id); i >= 0 {
		j.waitsFor = slices.Delete(j.waitsFor, i, i+1)
	}
	if j.whole == 0 {
		b.opened(j, now)
	}
}

// childrenEnded tells those who wait for children.
func (b *Book) childrenEnded(j *Job, from, to int, succeeded bool, now time.Time) {
	b.touch(j)
	b.lately[j.Num] = append(b.lately[j.Num], recent{from, to, succeeded})
	if b.watched[j.Num] > 0 {
		for i := from; i < to; i++ {
			key := dependency{j.Num, i}
			all := b.waiters[key]
			delete(b.waiters, key)
			for _, w := range all {
				b.watched[j.Num]--
				b.heard(w, slipway.ChildID(j.ID, i), succeeded, now)
			}
		}
	}
	for _, w := range b.twins[j.Num] {
		b.twinsEnded(w, j.ID, from, to, succeeded, now)
	}
	if j.sequential != "" && !j.Status.Ended() {
		b.follow(j, to-1, succeeded, now)
	}
	if j.Succeeded+j.Failed == j.Size && !j.Status.Ended() {
		b.end(j, now)
	}
}

// twinsEnded lets the children of a dependant begin, or end.
func (b *Book) twinsEnded(w waiter, id string, from, to int, succeeded bool, now time.Time) {
	j := w.job
	b.turn.Touched[j.Num] = j
	for i := from; i < to && !j.Status.Ended(); i++ {
		if j.missing[i] == begun || i < j.Next && j.sequential != "" {
			continue
		}
		if !satisfied(w.on, succeeded) {
			if j.takeOne(i) {
				b.fail(j, i, i+1, unmet(slipway.ChildID(id, i), succeeded), now)
			}
			continue
		}
		if j.missing[i]--; j.missing[i] == 0 {
			j.release(i)
		}
	}
}

// follow is what the end of a child means to the next one of a sequential array.
func (b *Book) follow(j *Job, index int, succeeded bool, now time.Time) {
	if j.Next > index+1 { // those between were cancelled
		index, succeeded = j.Next-1, false
	}
	if index+1 != j.Next || j.Next >= j.Size || satisfied(j.sequential, succeeded) {
		return
	}
	if j.sequential == slipway.OnFailure {
		next := j.Next
		j.takeOne(next)
		b.fail(j, next, next+1, unmet(slipway.ChildID(j.ID, index), succeeded), now)
		return
	}
	// Without its predecessor's success no later child will run.
	j.takeVirgin(func(from, to int) {
		b.fail(j, from, to, fmt.Sprintf("Dependency: child %d failed", index), now)
	})
}

// end is the end of a job all of whose children have ended.
func (b *Book) end(j *Job, now time.Time) {
	at := now
	j.StoppedAt = &at
	j.Status = slipway.JobSucceeded
	if j.Failed > 0 {
		j.Status = slipway.JobFailed
		if j.Array {
			j.Reason = fmt.Sprintf("%d of %d children failed", j.Failed, j.Size)
			if j.Stop != "" {
				j.Reason = j.Stop + "; " + j.Reason
			}
		}
	}
	delete(b.jobs, j.Num)
	delete(b.ids, j.ID)
	b.closed[j.ID] = j
	delete(b.delayed, j)
	b.touch(j)
	b.turn.Ended = append(b.turn.Ended, j)
	b.endings = append(b.endings, ending{j, j.Status == slipway.JobSucceeded})
}

// fail ends children otherwise than by an attempt.
func (b *Book) fail(j *Job, from, to int, reason string, now time.Time) {
	all := b.turn.Changes.Endings
	if n := len(all); n > 0 && all[n-1].Job == j.Num && all[n-1].To == from && all[n-1].Reason == reason {
		all[n-1].To = to
	} else if j.Array {
		b.turn.Changes.Endings = append(all, slipway.JobEnding{Job: j.Num, From: from, To: to, Reason: reason, At: now})
	}
	b.failed(j, to-from)
	if !j.Array {
		j.Reason = reason
	}
	b.childrenEnded(j, from, to, false, now)
}

// failAll ends every child that has not begun or waits for another attempt.
func (b *Book) failAll(j *Job, reason string, now time.Time) {
	for _, s := range append(j.waiting, j.delayed...) {
		b.drop(s)
		b.fail(j, s.From, s.To, reason, now)
	}
	j.waiting, j.delayed = nil, nil
	delete(b.delayed, j)
	j.takeVirgin(func(from, to int) { b.fail(j, from, to, reason, now) })
}
