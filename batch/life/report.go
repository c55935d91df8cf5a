package life

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
)

// Report works in what an invoker says, and says whether it is about an attempt that has
// not ended; any other report means nothing.
func (b *Book) Report(r slipway.AttemptReport, now time.Time) bool {
	s := b.given[r.Assignment]
	if s == nil || s.Attempt != r.Attempt || s.over(r.Index) {
		return false
	}
	switch r.Event {
	case slipway.AttemptStarted, slipway.AttemptFrozen, slipway.AttemptThawed:
		b.live(s, r)
	case slipway.AttemptEnded:
		b.ended(s, r, now)
	case slipway.AttemptReturned:
		b.again(s, r, returned(r.Reason, "functions needed its room"), 0, now)
	case slipway.AttemptUnstarted:
		b.again(s, r, returned(r.Reason, "it was taken back before it began"), 0, now)
	case slipway.AttemptRefused:
		b.again(s, r, slipway.ReasonRefused+orElse(r.Reason, "the invoker could not run it"), s.Losses+1, now)
	default:
		return false
	}
	b.settle(now)
	return true
}

// returned is why an attempt was taken back, which an invoker may have said as it is said
// here.
func returned(reason, standard string) string {
	return slipway.ReasonReturned + orElse(strings.TrimPrefix(reason, slipway.ReasonReturned), standard)
}

func orElse(text, standard string) string {
	if text == "" {
		return standard
	}
	return text
}

// live is news of an attempt that goes on.
func (b *Book) live(s *Slice, r slipway.AttemptReport) {
	if s.Live == nil {
		s.Live = map[int]slipway.LiveAttempt{}
	}
	l := s.Live[r.Index]
	switch r.Event {
	case slipway.AttemptStarted:
		if l.StartedAt = r.StartedAt; l.StartedAt.IsZero() {
			l.StartedAt = r.At
		}
		b.started(s.Owner, l.StartedAt)
	case slipway.AttemptFrozen:
		l.Frozen, l.FrozenAt = true, r.At
	case slipway.AttemptThawed:
		l.Frozen, l.FrozenAt = false, time.Time{}
	}
	s.Live[r.Index] = l
	b.put(&s.JobSlice)
}

func (b *Book) started(j *Job, at time.Time) {
	if j.StartedAt == nil || at.Before(*j.StartedAt) {
		j.StartedAt = &at
		b.dirty[j.Num] = j
	}
	if !j.Array && j.Status != slipway.JobRunning {
		j.Status, j.Reason = slipway.JobRunning, ""
		b.dirty[j.Num] = j
	}
}

// ended is an attempt that ran to its end, or could not begin for a reason of the user's.
func (b *Book) ended(s *Slice, r slipway.AttemptReport, now time.Time) {
	j := s.Owner
	stop := s.Live[r.Index].Stop
	if r.Reason == "" && r.ExitCode != nil && *r.ExitCode == 0 {
		b.record(s, r, slipway.AttemptSucceeded, "")
		b.over(s, r.Index, r.ExitCode)
		b.succeeded(j)
		b.childrenEnded(j, r.Index, r.Index+1, true, now)
		return
	}
	reason := orElse(r.Reason, "Error: it ended without an exit status")
	verdict := Judge(*j.retry, r.ExitCode, reason, reason, s.Tries+1, s.Memory())
	if stop != "" && !strings.HasPrefix(reason, slipway.ReasonTerminated) {
		reason = stop
	}
	if stop != "" || j.Stop != "" || !verdict.Retry {
		b.final(s, r, reason, now)
		return
	}
	b.record(s, r, slipway.AttemptRetried, reason)
	b.over(s, r.Index, r.ExitCode)
	next := slipway.JobSlice{Job: j.Num, From: r.Index, To: r.Index + 1, Attempt: s.Attempt + 1, Tries: s.Tries + 1}
	if verdict.MemoryMB != j.MemoryMB {
		next.MemoryMB = verdict.MemoryMB
	}
	b.retry(j, next, reason)
}

// succeeded and failed count children that have ended.
func (b *Book) succeeded(j *Job) {
	j.Succeeded++
	b.turn.Tally[Outcome{j.Tenant, j.Queue, slipway.JobSucceeded}]++
}

func (b *Book) failed(j *Job, n int) {
	j.Failed += n
	b.turn.Tally[Outcome{j.Tenant, j.Queue, slipway.JobFailed}] += n
}

// final is the last attempt of a child, which failed.
func (b *Book) final(s *Slice, r slipway.AttemptReport, reason string, now time.Time) {
	j := s.Owner
	b.record(s, r, slipway.AttemptFailed, reason)
	b.over(s, r.Index, r.ExitCode)
	b.failed(j, 1)
	if !j.Array {
		j.Reason = reason
	}
	b.childrenEnded(j, r.Index, r.Index+1, false, now)
}

// again is an attempt that the platform interrupted: the child runs again, and it does
// not count as a try.
func (b *Book) again(s *Slice, r slipway.AttemptReport, reason string, losses int, now time.Time) {
	j := s.Owner
	if stop := orElse(s.Live[r.Index].Stop, j.Stop); stop != "" {
		b.final(s, r, stop, now)
		return
	}
	if losses >= maxLosses || exits(*j.retry, reason) {
		b.final(s, r, reason, now)
		return
	}
	b.record(s, r, slipway.AttemptLost, reason)
	b.over(s, r.Index, nil)
	next := slipway.JobSlice{Job: j.Num, From: r.Index, To: r.Index + 1, Attempt: s.Attempt + 1, Tries: s.Tries, Losses: losses, MemoryMB: s.MemoryMB}
	if r.Event == slipway.AttemptRefused {
		next.NotBefore = now.Add(backoff(losses))
	}
	b.retry(j, next, reason)
}

// backoff is the pause before what an invoker refused is given again.
func backoff(losses int) time.Duration {
	return min(time.Minute, time.Second<<min(losses-1, 6))
}

// retry puts a child in line for its next attempt, together with the one before it when
// that waits for the same.
func (b *Book) retry(j *Job, next slipway.JobSlice, reason string) {
	if !j.Array {
		j.Status, j.Reason = slipway.JobRunnable, reason
	}
	b.touch(j)
	if n := len(j.waiting); n > 0 && next.NotBefore.IsZero() {
		last := j.waiting[n-1]
		same := *last
		same.From, same.To = next.From, next.To
		if last.To == next.From && sameSlice(same, next) {
			last.To = next.To
			b.put(last)
			return
		}
	}
	b.put(&next)
	b.wait(j, &next)
}

func sameSlice(a, b slipway.JobSlice) bool {
	return a.Attempt == b.Attempt && a.Tries == b.Tries && a.Losses == b.Losses && a.MemoryMB == b.MemoryMB
}

// record writes down what came of an attempt.
func (b *Book) record(s *Slice, r slipway.AttemptReport, outcome slipway.AttemptOutcome, reason string) {
	a := slipway.AttemptRecord{Job: s.Job, Index: r.Index, Outcome: outcome, Output: r.Output, JobAttempt: slipway.JobAttempt{
		Attempt: s.Attempt, ExitCode: r.ExitCode, Reason: reason, Invoker: s.Invoker, CPUSeconds: r.CPUSeconds,
		MemoryPeakMB: r.MemoryPeakMB, MemoryMB: s.Memory(),
	}}
	started := r.StartedAt
	if started.IsZero() {
		started = s.Live[r.Index].StartedAt
	}
	if !started.IsZero() {
		a.StartedAt = &started
		b.started(s.Owner, started)
	}
	if !r.At.IsZero() {
		at := r.At
		a.StoppedAt = &at
	}
	b.turn.Changes.Attempts = append(b.turn.Changes.Attempts, a)
}

// over takes an attempt out of its slice.
func (b *Book) over(s *Slice, index int, exitCode *int) {
	s.ended[index-s.From] = true
	s.left--
	b.turn.Over = append(b.turn.Over, Over{s, 1})
	j := s.Owner
	if !j.Array {
		j.ExitCode = exitCode
	}
	if _, known := s.Live[index]; known {
		delete(s.Live, index)
		if s.left > 0 {
			b.put(&s.JobSlice)
		}
	}
	if s.left == 0 {
		delete(j.given, s.Assignment)
		delete(b.given, s.Assignment)
		b.drop(&s.JobSlice)
	}
	b.touch(j)
}

// Lose ends what one incarnation of an invoker has, because it is gone, and says how many
// attempts that were. Those that may run still, because it only fell silent, are told to
// stop if it is heard of again.
func (b *Book) Lose(invoker, incarnation, why string, now time.Time) int {
	n := 0
	for _, s := range b.sliceList() {
		if s.Invoker != invoker || s.Incarnation != incarnation {
			continue
		}
		b.order(s, s.From, s.To, slipway.ReasonHostLost+why)
		for i := s.From; i < s.To; i++ {
			if !s.over(i) {
				n++
				reason := slipway.ReasonHostLost + why
				if s.Live[i].StartedAt.IsZero() {
					reason += "; as far as is known it had not begun"
				}
				b.again(s, slipway.AttemptReport{Index: i, At: now}, reason, s.Losses+1, now)
			}
		}
	}
	b.settle(now)
	return n
}

// sliceList is the given slices in an order that does not change from call to call.
func (b *Book) sliceList() []*Slice {
	return slices.SortedFunc(maps.Values(b.given), func(a, b *Slice) int {
		if a.Job != b.Job {
			return int(a.Job - b.Job)
		}
		return a.From - b.From
	})
}

func (b *Book) order(s *Slice, from, to int, reason string) {
	o := slipway.JobOrder{Order: slipway.JobStop, Job: s.Owner.ID, From: from, To: to, Attempt: s.Attempt, Reason: reason}
	b.turn.Orders = append(b.turn.Orders, Order{s.Invoker, s.Incarnation, o})
}
