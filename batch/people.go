package batch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch/life"
	"github.com/slipway-run/slipway/internal/bus"
)

// question is what a gateway asks of the scheduler.
type question struct {
	Act    string `json:"act"` // one of the acts below
	Tenant string `json:"tenant,omitempty"`
	ID     string `json:"id,omitempty"`
	Reason string `json:"reason,omitempty"`
}

const (
	actCancel       = "cancel"
	actTerminate    = "terminate"
	actExplain      = "explain"
	actCounts       = "counts"
	actEnvironments = "environments"
)

type ask struct {
	question
	done chan answer
}

// orders says whether a changes something.
func (a ask) orders() bool { return a.Act == actCancel || a.Act == actTerminate }

type answer struct {
	v   any
	err error
}

// Cancel ends a job, a child or the children of an array that have not begun, at once.
// What has begun goes on; a job all of which has is ErrConflict. One that has ended stays
// as it is.
func (e *Engine) Cancel(ctx context.Context, tenant, id, reason string) error {
	return e.ask(ctx, question{actCancel, tenant, id, cmp.Or(reason, "asked for")}, nil)
}

// Terminate ends a job, a child or all children of an array, whether or not they run:
// those that do get SIGTERM, and SIGKILL after 30 s, and end a moment later. Nothing of it
// begins any more. One that has ended stays as it is.
func (e *Engine) Terminate(ctx context.Context, tenant, id, reason string) error {
	return e.ask(ctx, question{actTerminate, tenant, id, cmp.Or(reason, "asked for")}, nil)
}

// Explain says why a job or a child waits, in numbers, or what it does.
func (e *Engine) Explain(ctx context.Context, tenant, id string) (x slipway.Explanation, err error) {
	job, err := e.store.Job(ctx, tenant, id)
	if err != nil {
		return x, err
	}
	if job.Status.Ended() {
		return slipway.Explanation{Job: id, Status: job.Status, Reason: endedReason(job), Blocks: []slipway.Block{}}, nil
	}
	err = e.ask(ctx, question{Act: actExplain, Tenant: tenant, ID: id}, &x)
	return x, err
}

func endedReason(j slipway.Job) string {
	if j.StatusReason != "" {
		return "it has ended: " + j.StatusReason
	}
	return "it has ended"
}

// Counts is the jobs and children that have not ended, by queue.
func (e *Engine) Counts(ctx context.Context) (all []slipway.QueueCounts, err error) {
	err = e.ask(ctx, question{Act: actCounts}, &all)
	return all, err
}

// Outcomes is the jobs and children that this engine has recorded as ended, by queue.
func (e *Engine) Outcomes() []slipway.QueueCounts {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := map[[2]string]map[slipway.JobStatus]int{}
	for o, n := range e.outcomes {
		key := [2]string{o.Tenant, o.Queue}
		if all[key] == nil {
			all[key] = map[slipway.JobStatus]int{slipway.JobSucceeded: 0, slipway.JobFailed: 0}
		}
		all[key][o.Status] = n
	}
	return byQueue(all)
}

func (e *Engine) count(tally map[life.Outcome]int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for o, n := range tally {
		e.outcomes[o] += n
	}
}

// byQueue is a list in an order that does not change, so that a bound of it leaves out
// the same ones.
func byQueue(all map[[2]string]map[slipway.JobStatus]int) []slipway.QueueCounts {
	list := []slipway.QueueCounts{}
	for key, counts := range all {
		list = append(list, slipway.QueueCounts{Tenant: key[0], Queue: key[1], Counts: counts})
	}
	slices.SortFunc(list, func(a, b slipway.QueueCounts) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Queue, b.Queue))
	})
	return list
}

// Environments fills in what environments use and would use.
func (e *Engine) Environments(ctx context.Context, tenant string, all []slipway.ComputeEnvironment) error {
	var known map[string][2]float64
	if err := e.ask(ctx, question{Act: actEnvironments, Tenant: tenant}, &known); err != nil {
		return err
	}
	for i := range all {
		all[i].Used, all[i].Desired = known[all[i].Name][0], max(known[all[i].Name][1], all[i].MinVCPUs)
	}
	return nil
}

// askPatience is how long there may be no scheduler, when one takes over from another.
const askPatience = 15 * time.Second

// ask asks the scheduler, wherever it is.
func (e *Engine) ask(ctx context.Context, q question, out any) error {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	for {
		err := e.bus.Ask(ctx, bus.JobsSubject, q, out)
		if !errors.Is(err, slipway.ErrUnavailable) {
			return err
		}
		e.pause(ctx, 100*time.Millisecond)
		if ctx.Err() != nil {
			return slipway.Errorf(slipway.ErrUnavailable, "no gateway schedules jobs at the moment; try again: %w", err)
		}
	}
}

// answer hands questions to the turns.
func (e *Engine) answer(ctx context.Context, asks chan<- ask) (stop func(), err error) {
	sub, err := e.bus.Answer(bus.JobsSubject, "scheduler", func(asking context.Context, in []byte) (any, error) {
		a := ask{done: make(chan answer, 1)}
		if err := json.Unmarshal(in, &a.question); err != nil {
			return nil, slipway.Errorf(slipway.ErrInvalid, "a question about jobs cannot be read: %w", err)
		}
		gone := slipway.Errorf(slipway.ErrUnavailable, "this gateway does not schedule jobs any more")
		select {
		case asks <- a:
		case <-ctx.Done():
			return nil, gone
		case <-asking.Done():
			return nil, asking.Err()
		}
		select {
		case r := <-a.done:
			return r.v, r.err
		case <-ctx.Done():
			return nil, gone
		case <-asking.Done():
			return nil, asking.Err()
		}
	})
	if err != nil {
		return nil, err
	}
	return func() {
		drained, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := sub.Drain(drained); err != nil {
			e.log.Debug("questions about jobs are cut short", "err", err)
		}
	}, nil
}

// answer works in what somebody wants, or says what somebody asks.
func (s *scheduler) answer(ctx context.Context, a ask, now time.Time) answer {
	switch a.Act {
	case actCounts:
		return answer{v: s.counts()}
	case actEnvironments:
		return answer{v: s.capacities(a.Tenant)}
	}
	j, child, err := s.find(ctx, a.Tenant, a.ID)
	if err != nil {
		return answer{err: err}
	}
	if j == nil || child >= 0 && j.Over(child) { // there is nothing to end, and nothing to explain
		return answer{v: slipway.Explanation{Job: a.ID, Reason: "it has just ended", Blocks: []slipway.Block{}}}
	}
	switch a.Act {
	case actCancel:
		err = s.book.Cancel(j, child, a.Reason, now)
	case actTerminate:
		err = s.book.Terminate(j, child, a.Reason, now)
	case actExplain:
		return answer{v: s.explain(j, child, now)}
	default:
		err = slipway.Errorf(slipway.ErrInvalid, "%q is nothing that can be asked of the scheduler", a.Act)
	}
	return answer{v: struct{}{}, err: err}
}

// find is a job, nil when it has ended, and with a child's id the child, else -1.
func (s *scheduler) find(ctx context.Context, tenant, id string) (*life.Job, int, error) {
	parent, child, err := slipway.SplitJobID(id)
	if err != nil {
		return nil, 0, err
	}
	j := s.book.Find(parent)
	if j != nil && j.Tenant == tenant && child < j.Size && (child < 0 || j.Array) {
		return j, child, nil
	}
	_, err = s.store.Job(ctx, tenant, id)
	return nil, child, err
}

// counts is all jobs and children by queue and status.
func (s *scheduler) counts() []slipway.QueueCounts {
	all := map[[2]string]map[slipway.JobStatus]int{}
	for _, j := range s.book.Jobs() {
		key := [2]string{j.Tenant, j.Queue}
		if all[key] == nil {
			all[key] = map[slipway.JobStatus]int{}
		}
		j.Counts(all[key])
	}
	return byQueue(all)
}

// capacities are used and desired vCPUs of a tenant's environments.
func (s *scheduler) capacities(tenant string) map[string][2]float64 {
	all := map[string][2]float64{slipway.DefaultEnvironment: {}}
	for key := range s.environments {
		if key[0] == tenant {
			all[key[1]] = [2]float64{}
		}
	}
	for name := range all {
		used := s.board.Usage(tenant, name)
		all[name] = [2]float64{used, s.board.Desired(tenant, name)}
	}
	return all
}
