package life

import (
	"fmt"
	"time"

	"github.com/slipway-run/slipway"
)

// Place is where a child is.
type Place struct {
	Status slipway.JobStatus
	Slice  *Slice // that an invoker has, with it; nil when none has
	Waits  string // id of what it waits for, of a PENDING one
	Text   string // why it is PENDING or may not begin yet
	Before int    // children of its own array that go first
}

// Where says where a child is; with child -1 what is next of an array.
func (j *Job) Where(child int, now time.Time) Place {
	if child >= 0 {
		if s := j.with(child); s != nil {
			status := slipway.JobStarting
			if !s.Live[child].StartedAt.IsZero() {
				status = slipway.JobRunning
			}
			return Place{Status: status, Slice: s}
		}
	}
	for _, s := range j.delayed {
		if child < 0 && len(j.waiting) > 0 || child >= 0 && (child < s.From || child >= s.To) {
			continue
		}
		return Place{Status: slipway.JobRunnable, Text: fmt.Sprintf("an invoker refused it; it is tried again in %s", s.NotBefore.Sub(now).Round(time.Second))}
	}
	before := 0
	for _, s := range j.waiting {
		if child < 0 || s.From <= child && child < s.To {
			return Place{Status: slipway.JobRunnable, Before: before + max(0, child-s.From)}
		}
		before += s.To - s.From
	}
	if child < 0 {
		return Place{Status: slipway.JobRunnable}
	}
	return j.whereVirgin(child, before)
}

// whereVirgin is where a child is that has not begun.
func (j *Job) whereVirgin(child, before int) Place {
	switch {
	case j.holes[child] || child < j.Next || j.missing != nil && j.missing[child] == begun:
		return Place{Status: slipway.JobFailed, Text: "it has ended"}
	case j.sequential != "" && child > j.Next || j.sequential != "" && len(j.given) > 0:
		return Place{Status: slipway.JobPending, Waits: slipway.ChildID(j.ID, child-1), Text: fmt.Sprintf("waits for child %d of its array (SEQUENTIAL)", child-1)}
	case j.missing != nil && j.missing[child] > 0:
		return Place{Status: slipway.JobPending, Text: fmt.Sprintf("waits for child %d of %d other arrays (N_TO_N)", child, j.missing[child])}
	case j.missing != nil:
		for _, s := range j.released {
			if s.from <= child && child < s.to {
				return Place{Status: slipway.JobRunnable, Before: before + child - s.from}
			}
			before += s.to - s.from
		}
	}
	return Place{Status: slipway.JobRunnable, Before: before + max(0, child-j.Next)}
}

// Counts adds the children that have not ended, by status.
func (j *Job) Counts(counts map[slipway.JobStatus]int) {
	rest := j.Size - j.Succeeded - j.Failed
	for _, s := range j.given {
		running := 0
		for _, live := range s.Live {
			if !live.StartedAt.IsZero() {
				running++
			}
		}
		counts[slipway.JobRunning] += running
		counts[slipway.JobStarting] += s.left - running
		rest -= s.left
	}
	for _, list := range [][]*slipway.JobSlice{j.waiting, j.delayed} {
		for _, s := range list {
			counts[slipway.JobRunnable] += s.To - s.From
			rest -= s.To - s.From
		}
	}
	ready := min(rest, j.unhindered())
	counts[slipway.JobRunnable] += ready
	counts[slipway.JobPending] += rest - ready
}

// unhindered is how many children that have not begun wait for no other ones; it may be
// more than there are.
func (j *Job) unhindered() int {
	switch {
	case !j.open:
		return 0
	case j.sequential != "":
		from, to := j.fresh()
		return to - from
	case j.missing != nil:
		n := 0
		for _, s := range j.released {
			n += s.to - s.from
		}
		return n
	}
	return j.Size
}
