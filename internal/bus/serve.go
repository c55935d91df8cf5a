package bus

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/slipway-run/slipway"
)

// Handler answers a request. ctx ends at the request's Deadline, when the caller goes
// away, and when the response's Body has been read to its end and closed. The
// handler need not read or close req.Body, and cannot once the response is sent.
type Handler = func(ctx context.Context, req *slipway.Request) (*slipway.Response, error)

// Subscription takes the calls of one subject.
type Subscription struct {
	bus     *Bus
	subject string
	handler Handler
	calls   *nats.Subscription
	cancels *nats.Subscription

	come    chan *nats.Msg // straight from the reader of the connection
	drained chan struct{}  // closed when no more calls come
	waiting atomic.Int32   // workers
	busy    atomic.Int32   // workers
	workers sync.WaitGroup
	drain   sync.Once
	ended   sync.Once

	mu     sync.Mutex               // guards what follows
	direct map[*directCall]struct{} // that run
	closed bool                     // no more direct calls
}

// Serve answers the calls of subject with h, each in a goroutine of its own. Of those
// who serve a subject with the same queue, one gets each call.
func (b *Bus) Serve(subject, queue string, h Handler) (*Subscription, error) {
	s := &Subscription{
		bus: b, subject: subject, handler: h,
		come: make(chan *nats.Msg, b.cfg.MaxCalls+maxWaiting), drained: make(chan struct{}),
		direct: map[*directCall]struct{}{},
	}
	s.hire()
	if err := s.subscribe(queue); err != nil {
		s.unsubscribe()
		s.dismiss()
		return nil, b.natsError("serve "+subject, err)
	}
	b.adopt(s)
	if !b.cfg.ViaNATS {
		b.direct.add(s)
	}
	return s, nil
}

// subscribe returns when the server knows of the subscription.
func (s *Subscription) subscribe(queue string) (err error) {
	if s.cancels, err = s.bus.calls.Subscribe(s.subject+cancelSuffix, s.bus.toHandler); err != nil {
		return err
	}
	if s.calls, err = s.bus.calls.ChanQueueSubscribe(s.subject, queue, s.come); err != nil {
		return err
	}
	s.calls.SetClosedHandler(func(string) { s.dismiss() })
	return s.bus.flush()
}

// unsubscribe undoes what subscribe has done.
func (s *Subscription) unsubscribe() {
	for _, sub := range []*nats.Subscription{s.calls, s.cancels} {
		if sub != nil {
			_ = sub.Unsubscribe() // fails only when the connection is closed
		}
	}
}

// Drain takes no new calls, and waits for those that run until ctx ends. It may be
// called more than once.
func (s *Subscription) Drain(ctx context.Context) error {
	s.drain.Do(func() {
		s.refuseDirect()
		if err := s.calls.Drain(); err != nil { // the connection is closed: nothing comes any more
			s.dismiss()
		}
	})
	idle := make(chan struct{})
	go func() {
		<-s.drained
		s.workers.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		s.bus.disown(s)
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain %s: %d calls still run: %w", s.subject, s.busy.Load(), ctx.Err())
	}
}

// release ends what is left when everything has been drained.
func (s *Subscription) release() {
	_ = s.cancels.Unsubscribe()
	s.dismiss()
}

// dismiss says that no more calls come: workers answer those that have come, and go.
func (s *Subscription) dismiss() { s.ended.Do(func() { close(s.drained) }) }

// maxWaiting is how many idle workers are kept: their stacks have grown already.
const maxWaiting = 64

// hire adds a worker.
func (s *Subscription) hire() {
	s.waiting.Add(1)
	s.workers.Go(s.work)
}

// work takes one call after the other. While calls can come there is always a worker
// that waits for them, so that none waits for a worker.
func (s *Subscription) work() {
	for {
		msg := s.next()
		if s.waiting.Add(-1) == 0 && msg != nil {
			s.hire()
		}
		if msg == nil {
			return
		}
		if s.busy.Add(1) <= int32(s.bus.cfg.MaxCalls) {
			s.serve(msg)
		} else {
			s.refuse(msg)
		}
		s.busy.Add(-1)
		if s.waiting.Add(1) > maxWaiting {
			s.waiting.Add(-1)
			return
		}
	}
}

// next waits for a call; nil means that there are no more.
func (s *Subscription) next() *nats.Msg {
	select {
	case msg := <-s.come:
		return msg
	case <-s.drained:
	}
	select {
	case msg := <-s.come:
		return msg
	default:
		return nil
	}
}

func (s *Subscription) refuse(msg *nats.Msg) {
	f, ok := parseFrame(msg.Data)
	if !ok || msg.Reply == "" {
		return
	}
	_ = s.bus.newHandling(f, msg.Reply).sendError(s.errBusy())
}

func (s *Subscription) errBusy() error {
	err := slipway.Errorf(slipway.ErrUnavailable, "%s answers %d calls already; try again", s.subject, s.bus.cfg.MaxCalls)
	err.RetryAfter = time.Second
	return err
}

// newHandling is the handler's end of a call that came with f.
func (b *Bus) newHandling(f frame, reply string) *exchange {
	x := b.newExchange(f.call, b.handled)
	x.peer, x.expect, x.limit = reply, 1, f.limit
	return x
}

// serve answers one call.
func (s *Subscription) serve(msg *nats.Msg) {
	f, ok := parseFrame(msg.Data)
	if !ok || f.kind != kindHead || msg.Reply == "" {
		s.bus.log.Warn("what came is not a call", "subject", s.subject)
		return
	}
	x := s.bus.newHandling(f, msg.Reply)
	req, flags, inline, err := parseRequest(f.payload, time.Now())
	if err != nil {
		_ = x.sendError(err)
		return
	}
	var ctx context.Context
	ctx, x.cancel = callContext(req.Deadline)
	if !s.bus.handled.add(x) {
		x.cancel()
		return
	}
	defer x.stop(errOver)
	switch {
	case flags&flagComplete != 0 && flags&flagBody != 0:
		req.Body = &inlineBody{inline}
	case flags&flagBody != 0:
		req.Body = &streamBody{x: x}
		if flags&flagTrailer != 0 {
			req.Trailer = x.trailers
		}
		x.grant.Store(1 + window)
		if err := x.sendCredit(); err != nil {
			return
		}
	}
	resp, err := s.call(ctx, req)
	if err := x.respond(ctx, req, resp, err); err != nil && x.going() {
		s.bus.log.Debug("the answer could not be sent", "subject", s.subject, "invocation", req.ID, "err", err)
	}
}

func callContext(deadline time.Time) (context.Context, context.CancelFunc) {
	if deadline.IsZero() {
		return context.WithCancel(context.Background())
	}
	return context.WithDeadline(context.Background(), deadline)
}

// call runs the handler. A panic is the end of this call and of no other.
func (s *Subscription) call(ctx context.Context, req *slipway.Request) (resp *slipway.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.bus.log.Error("a handler panicked", "subject", s.subject, "invocation", req.ID, "err", p, slog.String("stack", string(debug.Stack())))
			resp, err = nil, slipway.Errorf(slipway.ErrInternal, "the platform failed to handle the call; its log says how")
		}
	}()
	return s.handler(ctx, req)
}
