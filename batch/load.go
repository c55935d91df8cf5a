package batch

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch/life"
)

// loadAtOnce is how many jobs are read together.
const loadAtOnce = 1000

// load fills the book and the board from the rows.
func (s *scheduler) load(ctx context.Context) error {
	if err := s.loadCatalog(ctx); err != nil {
		return err
	}
	slices, err := s.store.JobSlices(ctx)
	if err != nil {
		return err
	}
	of := map[int64][]slipway.JobSlice{}
	for _, slice := range slices {
		of[slice.Job] = append(of[slice.Job], slice)
	}
	if _, err := s.loadJobs(ctx, of); err != nil {
		return err
	}
	now := s.now()
	for _, slice := range s.book.Slices() {
		s.board.Hold(held(slice), slice.Left(), now)
		s.resend[slice.Assignment] = slice
	}
	usage, err := s.store.JobUsage(ctx)
	for _, u := range usage {
		s.board.Remember(u)
	}
	return err
}

// loadCatalog brings queues and environments up to date.
func (s *scheduler) loadCatalog(ctx context.Context) error {
	environments, err := s.store.Environments(ctx, "")
	if err != nil {
		return err
	}
	queues, err := s.store.Queues(ctx, "")
	if err != nil {
		return err
	}
	s.catalog(environments, queues)
	return nil
}

// catalog gives the board what has changed; what was deleted is as it is without being
// made.
func (s *scheduler) catalog(environments []slipway.ComputeEnvironment, queues []slipway.Queue) {
	type key [2]string
	seen := map[key]bool{}
	for _, e := range environments {
		k := key{e.Tenant, e.Name}
		seen[k] = true
		if text := fingerprint(e); s.environments[k] != text {
			s.environments[k] = text
			s.board.PutEnvironment(e)
			s.changed = true
		}
	}
	for k := range s.environments {
		if !seen[k] {
			delete(s.environments, k)
			s.board.PutEnvironment(slipway.DefaultEnvironmentOf(k[0], k[1]))
		}
	}
	clear(seen)
	for _, q := range queues {
		k := key{q.Tenant, q.Name}
		seen[k] = true
		if text := fingerprint(q); s.queues[k].text != text {
			s.queues[k] = queueRow{q, text}
			s.board.PutQueue(q, s.now())
			s.changed = true
		}
	}
	for k := range s.queues {
		if !seen[k] {
			delete(s.queues, k)
			s.board.PutQueue(slipway.DefaultQueueOf(k[0], k[1]), s.now())
		}
	}
}

// loadJobs adds the jobs that are new since it was called last, and says how many there
// were.
func (s *scheduler) loadJobs(ctx context.Context, slices map[int64][]slipway.JobSlice) (int, error) {
	for n := 0; ; {
		records, err := s.store.UnfinishedJobs(ctx, s.last, loadAtOnce)
		if err != nil {
			return n, err
		}
		for _, r := range records {
			if err := s.addJob(ctx, r, slices[r.Num]); err != nil {
				return n, err
			}
			s.last = r.Num
		}
		if n += len(records); len(records) < loadAtOnce {
			return n, nil
		}
	}
}

func (s *scheduler) addJob(ctx context.Context, r slipway.JobRecord, slices []slipway.JobSlice) error {
	h := life.History{Slices: slices, Ended: map[string][]int{}}
	for _, slice := range slices {
		if slice.Given() {
			ended, err := s.store.EndedChildren(ctx, slice)
			if err != nil {
				return err
			}
			h.Ended[slice.Assignment] = ended
		}
	}
	if r.Request.Array != nil && (r.Failed+r.Succeeded > 0) {
		first := r.Next
		if r.Request.Depends(slipway.DependsNToN) {
			first = 0
		}
		err := s.store.ChildOutcomes(ctx, r.Num, first, func(from, to int, _ bool) { h.Done = append(h.Done, [2]int{from, to}) })
		if err != nil {
			return err
		}
	}
	p := &past{ctx: ctx, store: s.store, tenant: r.Tenant}
	s.book.Add(r, h, p, s.now())
	if p.err == nil {
		s.specs.keep(r)
	}
	return p.err
}

// past answers from the store how jobs ended. The first error stays.
type past struct {
	ctx    context.Context
	store  Store
	tenant string
	err    error
}

// Ended implements life.Past.
func (p *past) Ended(id string) (ended, succeeded, known bool) {
	job, err := p.store.Job(p.ctx, p.tenant, id)
	switch {
	case errors.Is(err, slipway.ErrNotFound):
		return true, true, false
	case err != nil:
		p.fail(err)
		return false, false, false
	}
	return job.Status.Ended(), job.Status == slipway.JobSucceeded, true
}

// Children implements life.Past.
func (p *past) Children(id string, f func(from, to int, succeeded bool)) {
	record, err := p.store.JobRecord(p.ctx, p.tenant, id)
	if errors.Is(err, slipway.ErrNotFound) {
		return
	}
	if err == nil {
		err = p.store.ChildOutcomes(p.ctx, record.Num, 0, f)
	}
	p.fail(err)
}

func (p *past) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// now is the present moment.
func (s *scheduler) now() time.Time { return s.engine.cfg.Now() }
