package sandbox

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

// kind tells shells apart by what costs time to add: the link to the outside.
type kind int

const (
	blank  kind = iota
	linked      // with egress
	kinds
)

func (k kind) String() string { return [...]string{"blank", "linked"}[k] }

const (
	minShells     = 2                     // of each kind, however long nobody asked
	defaultShells = 32                    // of each kind at most
	refillDelay   = 10 * time.Millisecond // after a shell was taken: its program starts first
	reviewEvery   = 10 * time.Second      // how often the demand is looked at
	retryAfter    = 2 * time.Second       // after a shell could not be made
)

// shells keeps shells in stock, so that a sandbox need not wait for one.
//
// How many is decided by what happens to the stock. A shell that was asked for and
// not there makes it larger by one. Once in a while the lowest level since the last
// time is looked at: so many shells were not needed by anyone, and half of them go.
type shells struct {
	make func(ctx context.Context, k kind, ahead bool) (*shell, error)
	log  *slog.Logger
	max  int

	ctx    context.Context // of the making in the background
	cancel context.CancelFunc
	wake   chan struct{} // something changed; never full for long

	// mu guards the fields below.
	mu              sync.Mutex
	stocks          [kinds]stock
	started, closed bool
	idle            *sync.Cond // busy became less
	busy            int        // shells that are being made for the stock, or closed
}

// stock is the shells of one kind.
type stock struct {
	ready  []*shell
	want   int // 0 while nobody may ask for this kind
	lowest int // level since the last review
}

func newShells(limit int, connects bool, newShell func(context.Context, kind, bool) (*shell, error), log *slog.Logger) *shells {
	p := &shells{make: newShell, log: log, max: limit, wake: make(chan struct{}, 1)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.idle = sync.NewCond(&p.mu)
	p.stocks[blank].want = min(minShells, limit)
	if connects {
		p.stocks[linked].want = min(minShells, limit)
	}
	return p
}

// start begins to fill the stock; it may be called more than once.
func (p *shells) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.max == 0 || p.closed || p.started {
		return
	}
	p.started = true
	go p.run()
	p.notify()
}

// take gives a shell from the stock, else a new one. stocked says which it was.
func (p *shells) take(ctx context.Context, k kind) (sh *shell, stocked bool, err error) {
	p.start()
	if sh := p.pop(k); sh != nil {
		return sh, true, nil
	}
	sh, err = p.create(ctx, k)
	return sh, false, err
}

// create makes a shell for someone who waits. What the stock holds is given up for
// it when ids or addresses have run out.
func (p *shells) create(ctx context.Context, k kind) (*shell, error) {
	for {
		sh, err := p.make(ctx, k, false)
		if !errors.Is(err, slipway.ErrLimit) || !p.giveUp() {
			return sh, err
		}
	}
}

// pop takes the shell that waited least: what it has touched is in the caches.
func (p *shells) pop(k kind) *shell {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.stocks[k]
	defer p.notify()
	for len(s.ready) > 0 {
		sh := s.ready[len(s.ready)-1]
		s.ready = s.ready[:len(s.ready)-1]
		s.lowest = min(s.lowest, len(s.ready))
		if !sh.process.ended() {
			return sh
		}
		p.discard(sh)
	}
	s.want = min(s.want+1, p.max)
	return nil
}

// giveUp closes one shell of the stock, or waits for one that is on its way into or
// out of it. It is false when there is none.
func (p *shells) giveUp() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := range p.stocks {
		if s := &p.stocks[k]; len(s.ready) > 0 {
			sh := s.ready[0]
			s.ready = s.ready[1:]
			s.want = max(s.want-1, 0)
			p.discard(sh)
			break
		}
	}
	if p.busy == 0 {
		return false
	}
	p.idle.Wait()
	return true
}

// discard closes a shell in the background. p.mu is held.
func (p *shells) discard(sh *shell) {
	p.busy++
	go func() {
		p.shut(sh)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.settle()
	}()
}

// settle says that a shell is no longer on its way. p.mu is held.
func (p *shells) settle() {
	p.busy--
	p.idle.Broadcast()
}

func (p *shells) shut(sh *shell) {
	if err := sh.close(); err != nil {
		p.log.Warn("a shell was not removed", "err", err)
	}
}

// notify makes run look at the stock.
func (p *shells) notify() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run fills the stock and makes it smaller, until close.
func (p *shells) run() {
	review := time.NewTicker(reviewEvery)
	defer review.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-review.C:
			p.review()
		case <-p.wake:
			p.pause(refillDelay)
			for p.refill() {
			}
		}
	}
}

// pause returns early when the shells are closed.
func (p *shells) pause(d time.Duration) {
	select {
	case <-p.ctx.Done():
	case <-time.After(d):
	}
}

// refill makes one shell of the kind that lacks most; it is false when none is
// lacking, or could be made.
func (p *shells) refill() bool {
	k, ok := p.lacking()
	if !ok {
		return false
	}
	sh, err := p.make(p.ctx, k, true)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle()
	switch {
	case err == nil && p.closed:
		p.discard(sh)
	case err == nil:
		s := &p.stocks[k]
		s.ready = append(s.ready, sh)
		go p.mourn(sh, sh.process, k)
		return true
	case p.ctx.Err() == nil:
		p.log.Debug("no shell was made", "kind", k, "err", err)
		time.AfterFunc(retryAfter, p.notify)
	}
	return false
}

func (p *shells) lacking() (k kind, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	most := 0
	for i := range p.stocks {
		if n := p.stocks[i].want - len(p.stocks[i].ready); n > most {
			k, most = kind(i), n
		}
	}
	if most == 0 || p.closed {
		return 0, false
	}
	p.busy++
	return k, true
}

// mourn waits for the end of a shell. One that was killed in stock is taken out of it.
func (p *shells) mourn(sh *shell, init *process, k kind) {
	<-init.done
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.stocks[k]
	if i := slices.Index(s.ready, sh); i >= 0 {
		s.ready = slices.Delete(s.ready, i, i+1)
		p.discard(sh)
		p.notify()
	}
}

// review makes the stock smaller by half of what nobody needed.
func (p *shells) review() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.stocks {
		s := &p.stocks[i]
		s.want = max(s.want-(s.lowest+1)/2, min(s.want, minShells))
		for len(s.ready) > s.want {
			p.discard(s.ready[0])
			s.ready = s.ready[1:]
		}
		s.lowest = len(s.ready)
	}
}

// close empties the stock, and returns when nothing of it is left. It may be called
// once.
func (p *shells) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.cancel()
	for i := range p.stocks {
		for _, sh := range p.stocks[i].ready {
			p.discard(sh)
		}
		p.stocks[i].ready = nil
	}
	for p.busy > 0 {
		p.idle.Wait()
	}
}
