package batch_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/store"
)

// awayStore answers nothing that the scheduler wants while it is away.
type awayStore struct {
	*store.Store
	away  atomic.Bool
	asked atomic.Int64 // while it was
}

func (s *awayStore) answer() error {
	if !s.away.Load() {
		return nil
	}
	s.asked.Add(1)
	return slipway.Errorf(slipway.ErrUnavailable, "the database is being restarted")
}

func (s *awayStore) JobLease(ctx context.Context) (slipway.JobLease, error) {
	if err := s.answer(); err != nil {
		return slipway.JobLease{}, err
	}
	return s.Store.JobLease(ctx)
}

func (s *awayStore) BeatJobLease(ctx context.Context, epoch int64) error {
	if err := s.answer(); err != nil {
		return err
	}
	return s.Store.BeatJobLease(ctx, epoch)
}

func (s *awayStore) FreeJobLease(ctx context.Context, epoch int64) error {
	if err := s.answer(); err != nil {
		return err
	}
	return s.Store.FreeJobLease(ctx, epoch)
}

func (s *awayStore) CommitJobs(ctx context.Context, epoch int64, c slipway.JobChanges) error {
	if err := s.answer(); err != nil {
		return err
	}
	return s.Store.CommitJobs(ctx, epoch, c)
}

// While the store is away, what runs runs on; what has ended meanwhile is recorded when it
// is back, and nothing runs twice.
func TestTheStoreIsAway(t *testing.T) {
	w := newWorld(t)
	s := &awayStore{Store: w.store}
	cfg := quick
	cfg.LostAfter = time.Minute // the invoker is there all the time
	e := batch.New(cfg, s, w.bus, w.log)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	release := make(chan struct{})
	r := startRunner(t, w.bus, "i-1", 2, 4096, func(a attempt) outcome {
		if a.Index >= 4 {
			<-release
		}
		return outcome{}
	})
	j := submit(t, e, array(60))
	w.becomes(slipway.ChildID(j.ID, 4), slipway.JobRunning)
	for range 3 {
		s.asked.Store(0)
		s.away.Store(true)
		testenv.Eventually(t, 30*time.Second, func() error {
			if n := s.asked.Load(); n < 4 {
				return fmt.Errorf("it was asked %d times", n)
			}
			return nil
		})
		select {
		case <-release:
		default:
			close(release) // reports come while nothing can be recorded
		}
		s.away.Store(false)
	}
	w.ends(j.ID, slipway.JobSucceeded)
	if n := len(r.order()); n != 60 {
		t.Errorf("%d attempts for 60 children", n)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
