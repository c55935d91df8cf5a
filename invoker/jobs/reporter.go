package jobs

import (
	"context"
	"log/slog"
	"sync"

	"github.com/slipway-run/slipway"
)

// maxUnreported is how many reports may wait before nothing new is begun: who hears
// nothing should not be done work for without end.
const maxUnreported = 10_000

// reporter sends reports in groups: those that come while some are on their way go
// together after them. So each waits for one message at most.
type reporter struct {
	send func(context.Context, []slipway.AttemptReport) error
	log  *slog.Logger
	news chan struct{}

	mu      sync.Mutex // guards what follows
	waiting []slipway.AttemptReport
}

func newReporter(send func(context.Context, []slipway.AttemptReport) error, log *slog.Logger) *reporter {
	return &reporter{send: send, log: log, news: make(chan struct{}, 1)}
}

func (r *reporter) add(reports ...slipway.AttemptReport) {
	if len(reports) == 0 {
		return
	}
	r.mu.Lock()
	r.waiting = append(r.waiting, reports...)
	r.mu.Unlock()
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// behind says whether too many wait.
func (r *reporter) behind() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waiting) >= maxUnreported
}

// run sends until last is closed and nothing waits, or ctx ends.
func (r *reporter) run(ctx context.Context, last <-chan struct{}) {
	for {
		r.flush(ctx)
		select {
		case <-r.news:
		case <-last:
			r.flush(ctx)
			return
		case <-ctx.Done():
			return
		}
	}
}

func (r *reporter) flush(ctx context.Context) {
	for ctx.Err() == nil {
		r.mu.Lock()
		group := r.waiting
		r.waiting = nil
		r.mu.Unlock()
		if len(group) == 0 {
			return
		}
		if err := r.send(ctx, group); err != nil {
			r.log.Warn("what became of attempts could not be reported", "count", len(group), "err", err)
			r.mu.Lock()
			r.waiting = append(group, r.waiting...)
			r.mu.Unlock()
			return
		}
	}
}
