package metrics

import (
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway"
)

// Kind is how an event came.
type Kind int

// The kinds of event.
const (
	HTTP   Kind = iota // a request to the function
	Invoke             // a call of the API
	Async
	Hook // a synchronous webhook
	kinds
)

var kindNames = [kinds]string{"http", "invoke", "async", "webhook"}

// outcome is what became of an event.
type outcome int

const (
	ok            outcome = iota
	functionError         // the user's code did something wrong
	platformError         // the platform could not run it
	clientError           // it could not be run as it was sent, or nobody waits for it any more
	outcomes
)

var outcomeNames = [outcomes]string{"ok", "function_error", "platform_error", "client_error"}

// classes are those of HTTP's status, by its first digit.
const classes = 6

// codes are those of platform errors.
var codes = [...]string{"limit", "unavailable", "timeout", "internal"}

// bounds are the upper bounds of the classes of a latency.
var bounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

// Meter is the counters of one function. The zero value is ready.
type Meter struct {
	inFlight atomic.Int64
	events   [kinds][outcomes]atomic.Int64
	status   [classes]atomic.Int64 // of answers to HTTP events and webhooks
	errors   [len(codes)]atomic.Int64
	cold     atomic.Int64

	route, queue, start, run histogram
}

// Begin counts an event that has found its function.
func (m *Meter) Begin() { m.inFlight.Add(1) }

// End counts one that has its outcome, or was refused.
func (m *Meter) End() { m.inFlight.Add(-1) }

// Answered counts the outcome of an event that an instance had.
func (m *Meter) Answered(kind Kind, resp *slipway.Response, route time.Duration) {
	if resp.FunctionError != nil {
		m.events[kind][functionError].Add(1)
	} else {
		m.events[kind][ok].Add(1)
		if class := resp.Status / 100; (kind == HTTP || kind == Hook) && class > 0 && class < classes {
			m.status[class].Add(1)
		}
	}
	m.route.observe(route)
	m.queue.observe(resp.Phases.Queue)
	m.run.observe(resp.Phases.Run)
	if resp.ColdStart {
		m.cold.Add(1)
		m.start.observe(resp.Phases.Start)
	}
}

// Refused counts an event that no instance had. gone says that nobody waits any more.
func (m *Meter) Refused(kind Kind, err error, gone bool) {
	code := slipway.Code(err)
	for i, c := range codes {
		if c == code && !gone {
			m.events[kind][platformError].Add(1)
			m.errors[i].Add(1)
			return
		}
	}
	m.events[kind][clientError].Add(1)
}

// Tally is what a meter has counted of outcomes.
type Tally struct{ Events, FunctionErrors, PlatformErrors int64 }

// Tally adds up all kinds of event.
func (m *Meter) Tally() (t Tally) {
	for kind := range m.events {
		of := &m.events[kind]
		t.Events += of[ok].Load() + of[functionError].Load() + of[platformError].Load() + of[clientError].Load()
		t.FunctionErrors += of[functionError].Load()
		t.PlatformErrors += of[platformError].Load()
	}
	return t
}

// histogram counts latencies by class.
type histogram struct {
	classes [len(bounds) + 1]atomic.Int64
	sum     atomic.Int64 // nanoseconds
}

func (h *histogram) observe(d time.Duration) {
	class := 0
	for class < len(bounds) && d > bounds[class] {
		class++
	}
	h.classes[class].Add(1)
	if d > 0 {
		h.sum.Add(int64(d))
	}
}

// read gives what Prometheus wants: how many there are, their sum in seconds, and how many
// are at or below each bound.
func (h *histogram) read() (n uint64, sum float64, below map[float64]uint64) {
	below = make(map[float64]uint64, len(bounds))
	for class := range h.classes {
		n += uint64(h.classes[class].Load())
		if class < len(bounds) {
			below[bounds[class].Seconds()] = n
		}
	}
	return n, time.Duration(h.sum.Load()).Seconds(), below
}

// add adds what o has counted.
func (m *Meter) add(o *Meter) {
	m.inFlight.Add(o.inFlight.Load())
	m.cold.Add(o.cold.Load())
	for kind := range m.events {
		for i := range m.events[kind] {
			m.events[kind][i].Add(o.events[kind][i].Load())
		}
	}
	for i := range m.status {
		m.status[i].Add(o.status[i].Load())
	}
	for i := range m.errors {
		m.errors[i].Add(o.errors[i].Load())
	}
	for _, pair := range [][2]*histogram{{&m.route, &o.route}, {&m.queue, &o.queue}, {&m.start, &o.start}, {&m.run, &o.run}} {
		for i := range pair[0].classes {
			pair[0].classes[i].Add(pair[1].classes[i].Load())
		}
		pair[0].sum.Add(pair[1].sum.Load())
	}
}
