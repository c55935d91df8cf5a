package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/slipway-run/slipway"
)

// childrenAtOnce is how many children are looked at together for a list with a status.
const childrenAtOnce = 1000

// childList lists children of an array from an index on.
func (s *Store) childList(ctx context.Context, tenant string, f slipway.JobFilter, from, limit int) (slipway.List[slipway.Job], error) {
	list := slipway.List[slipway.Job]{Items: []slipway.Job{}}
	parent, err := s.JobRecord(ctx, tenant, f.Parent)
	if err != nil {
		return list, err
	}
	size := arraySize(parent.Request)
	for from < size {
		some, err := s.children(ctx, parent, from, min(from+childrenAtOnce, size))
		if err != nil {
			return list, err
		}
		for _, child := range some {
			if f.Status != "" && child.Status != f.Status {
				continue
			}
			if len(list.Items) == limit {
				list.Next = encodeCursor(strconv.Itoa(*child.Array.Index))
				return list, nil
			}
			list.Items = append(list.Items, child)
		}
		from += len(some)
	}
	return list, nil
}

// children are the children from to to-1 of a job with their attempts; a job that is no
// array is its own child 0.
func (s *Store) children(ctx context.Context, parent slipway.JobRecord, from, to int) ([]slipway.Job, error) {
	all := make([]slipway.Job, to-from)
	virgins, err := s.virgins(ctx, parent, from, to)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i] = parent.Job()
		if parent.Request.Array != nil {
			index := from + i
			c := &all[i]
			c.ID, c.Array = slipway.ChildID(parent.ID, index), &slipway.JobArray{Size: parent.Children(), Index: &index, Parent: parent.ID}
			c.Status, c.ExitCode, c.StartedAt, c.StoppedAt = virgins[i], nil, nil, nil
			if !c.Status.Ended() {
				c.StatusReason = ""
			}
		}
	}
	attempts, err := collect(ctx, s.read, scanAttempt, selectAttempt+`WHERE a.job = $1 AND a.child >= $2 AND a.child < $3 ORDER BY a.child, a.attempt`,
		parent.Num, from, to)
	if err != nil {
		return nil, err
	}
	for _, a := range attempts {
		ended(&all[a.Index-from], a, parent.Request.Array != nil)
	}
	if parent.Status.Ended() && parent.Request.Array == nil {
		return all, nil
	}
	slices, err := collect(ctx, s.read, scanSlice, selectSlice+`WHERE job = $1 AND low < $3 AND high > $2 ORDER BY attempt`, parent.Num, from, to)
	if err != nil {
		return nil, err
	}
	for _, slice := range slices {
		for i := max(slice.From, from); i < min(slice.To, to); i++ {
			under(&all[i-from], slice, i, parent.MemoryMB)
		}
	}
	if parent.Request.Array == nil {
		return all, nil
	}
	endings, err := collect(ctx, s.read, scanEnding, `SELECT job, low, high, reason, at FROM job_endings WHERE job = $1 AND low < $3 AND high > $2`, parent.Num, from, to)
	if err != nil {
		return nil, err
	}
	for _, e := range endings {
		for i := max(e.From, from); i < min(e.To, to); i++ {
			failed(&all[i-from], e.Reason, e.At)
		}
	}
	return all, nil
}

// ended adds an attempt that has ended. A job that is no array has its status from its
// own row.
func ended(j *slipway.Job, a slipway.AttemptRecord, child bool) {
	j.Attempts = append(j.Attempts, a.JobAttempt)
	if a.Output != nil {
		j.Output = a.Output
		j.Output.Attempt = a.Attempt
	}
	if !child {
		return
	}
	if j.StartedAt == nil {
		j.StartedAt = a.StartedAt
	}
	switch a.Outcome {
	case slipway.AttemptSucceeded:
		j.Status, j.StatusReason, j.ExitCode, j.StoppedAt = slipway.JobSucceeded, "", a.ExitCode, a.StoppedAt
	case slipway.AttemptFailed:
		j.Status, j.StatusReason, j.ExitCode, j.StoppedAt = slipway.JobFailed, a.Reason, a.ExitCode, a.StoppedAt
	default: // another one follows
		j.Status, j.StatusReason, j.ExitCode = slipway.JobRunnable, a.Reason, a.ExitCode
	}
}

// under says that a child is in a slice: an invoker has it, or it waits for an attempt.
func under(j *slipway.Job, slice slipway.JobSlice, index, memoryMB int) {
	if n := len(j.Attempts); n > 0 && j.Attempts[n-1].Attempt >= slice.Attempt {
		return // its attempt of this slice has ended
	}
	if !slice.Given() {
		if j.Status != slipway.JobFailed {
			j.Status = slipway.JobRunnable
		}
		return
	}
	if slice.MemoryMB > 0 {
		memoryMB = slice.MemoryMB
	}
	live := slice.Live[index]
	a := slipway.JobAttempt{Attempt: slice.Attempt, Invoker: slice.Invoker, MemoryMB: memoryMB}
	j.Status = slipway.JobStarting
	if !live.StartedAt.IsZero() {
		at := live.StartedAt.UTC()
		a.StartedAt, j.Status = &at, slipway.JobRunning
		if j.StartedAt == nil {
			j.StartedAt = &at
		}
	}
	switch {
	case live.Stop != "":
		j.StatusReason = live.Stop
	case live.Frozen:
		j.StatusReason = fmt.Sprintf("stands still since %s: functions need the machine", live.FrozenAt.UTC().Format(time.RFC3339))
	}
	j.Attempts = append(j.Attempts, a)
}

func failed(j *slipway.Job, reason string, at time.Time) {
	j.Status, j.StatusReason, j.StoppedAt = slipway.JobFailed, reason, &at
}
