package bus

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

func (b *Bus) adopt(s *Subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subscriptions[s] = struct{}{}
}

// disown lets go of a subscription that was drained.
func (b *Bus) disown(s *Subscription) {
	b.mu.Lock()
	_, ours := b.subscriptions[s]
	delete(b.subscriptions, s)
	b.mu.Unlock()
	if ours {
		s.release()
	}
}

// Close drains: it takes no new calls, lets those run out that run, stores the log
// lines that wait, and disconnects. What is not done after cfg.CloseTimeout is cut
// short: callers get ErrUnavailable and handlers' contexts end.
func (b *Bus) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), b.cfg.CloseTimeout)
	defer cancel()
	b.mu.Lock()
	subscriptions := slices.Collect(maps.Keys(b.subscriptions))
	b.mu.Unlock()
	b.drainAll(ctx, subscriptions)
	b.mu.Lock()
	writers := b.writers
	b.mu.Unlock()
	for _, w := range writers {
		w.stop(ctx)
	}
	b.close()
	b.ended.Wait()
	cause := slipway.Errorf(slipway.ErrUnavailable, "this process is shutting down")
	for _, x := range b.everyCall() {
		x.abort(cause)
	}
	for _, s := range subscriptions {
		s.abortDirect(cause)
		b.disown(s)
	}
	b.disconnect()
}

func (b *Bus) drainAll(ctx context.Context, subscriptions []*Subscription) {
	var all sync.WaitGroup
	for _, s := range subscriptions {
		all.Go(func() {
			if err := s.Drain(ctx); err != nil {
				b.log.Warn("calls are cut short", "err", err)
			}
		})
	}
	all.Wait()
}

func (b *Bus) disconnect() {
	b.close()
	if b.calls != nil {
		b.calls.Close()
	}
	if b.bulk != nil {
		b.bulk.Close()
	}
}

// everyCall is the ends of calls that are in this process.
func (b *Bus) everyCall() []*exchange { return b.handled.appendAll(b.callers.appendAll(nil)) }

// tick is the clock of keepalives. It counts intervals instead of comparing times: a
// machine that was suspended loses nobody for it.
func (b *Bus) tick() {
	clock := time.NewTicker(b.cfg.KeepAlive)
	defer clock.Stop()
	patience := max(2, int32(b.cfg.PeerTimeout/b.cfg.KeepAlive))
	for {
		select {
		case <-b.closing.Done():
			return
		case <-clock.C:
			for _, x := range b.everyCall() {
				x.tick(patience)
			}
		}
	}
}
