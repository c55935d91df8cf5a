package sim

import (
	"strconv"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

// pooled is a node that decides as the product does: it drives the pool's ledger as
// pool.Pool does.
type pooled struct {
	c      *cluster
	id     int
	ledger *ledger.Ledger
	due    time.Duration // when the ledger is looked at; 0 when nothing is due
	thawed *instance     // during the report that it is
}

func newPooled(c *cluster, id int, reclaims bool) *pooled {
	cfg := ledger.Config{MemoryMB: c.w.cfg.MemoryMB}
	if !reclaims {
		cfg.ReclaimAfter = -1
	}
	return &pooled{c: c, id: id, ledger: ledger.New(cfg)}
}

func (n *pooled) arrive(inv *invocation) {
	w := n.c.w
	spec := &w.functions[inv.function].spec
	m, err := n.ledger.Take(spec, inv.route.limit, w.time())
	switch {
	case err != nil:
		n.c.refused(inv, err)
	case m != nil:
		n.begin(inv, m, warm)
	default:
		n.ledger.Wait(spec.VersionRef, waiting{n, inv}, w.time())
	}
	n.carryOut(true)
}

func (n *pooled) ended(inv *invocation) {
	n.ledger.Release(inv.route.member, true, n.c.w.time())
	n.carryOut(true)
}

func (n *pooled) begin(inv *invocation, m *ledger.Member, how how) {
	inv.route.member = m
	n.c.w.begin(inv, m.Instance().(*instance), how)
}

// waiting is an invocation in the ledger's queue.
type waiting struct {
	n   *pooled
	inv *invocation
}

// Answer ends the wait.
func (w waiting) Answer(m *ledger.Member, isCold bool, err error) {
	switch {
	case err != nil:
		w.n.c.refused(w.inv, err)
	case isCold:
		w.n.begin(w.inv, m, cold)
	case m.Instance() == w.n.thawed:
		w.n.begin(w.inv, m, thawed)
	default:
		w.n.begin(w.inv, m, queued)
	}
}

// carryOut does what the ledger wants done, and says whether that was anything. making
// says that what it closes makes room: a sweep closes what has had its time.
func (n *pooled) carryOut(making bool) bool {
	w := n.c.w
	orders := n.ledger.Orders()
	for _, m := range orders.Start {
		w.launch(functionOf(m), n.id, func(on *instance) action { return &comingUp{n, m, on} })
	}
	for _, m := range orders.Freeze {
		w.meter.set(m.Instance().(*instance), frozen, w.now)
		w.after(w.cfg.Thaw, &freezing{n, m})
	}
	for _, m := range orders.Reclaim {
		w.after(w.cfg.Return, &shrinking{n, m})
	}
	for _, m := range orders.Thaw {
		n.thaw(m)
	}
	for _, m := range orders.Close {
		on := m.Instance().(*instance)
		if making && w.now >= w.cfg.Skip {
			w.result.Evicted++
		}
		w.meter.set(on, closing, w.now)
		w.after(w.cfg.Close, &goingDown{n, m, on})
	}
	if free := n.ledger.FreeMemoryMB(); free < 0 {
		w.breach("invoker %d promised %d MiB that it does not have", n.id, -free)
	}
	n.plan()
	return orders.Len() > 0
}

// thaw brings back what was reclaimed, too.
func (n *pooled) thaw(m *ledger.Member) {
	w, on := n.c.w, m.Instance().(*instance)
	took := w.cfg.Thaw
	if on.state == reclaimed {
		took += w.cfg.Return
	}
	w.meter.set(on, idle, w.now)
	w.after(took, &thawing{n, m, on})
}

// plan has the ledger looked at when something will be due, though not more often than
// the pool does.
func (n *pooled) plan() {
	w := n.c.w
	at, some := n.ledger.Next(w.time())
	if !some {
		return
	}
	due := max(at.Sub(began), w.now) + w.cfg.Sweep
	if n.due == 0 || due < n.due {
		n.due = due
		w.at(due, (*sweeping)(n))
	}
}

// functionOf is the index of the function that m is an instance of.
func functionOf(m *ledger.Member) int {
	i, err := strconv.Atoi(m.Spec().Function)
	if err != nil {
		panic(err) // newWorld names them by their index
	}
	return i
}

func (n *pooled) counts() []slipway.VersionCount { return n.ledger.Counts() }
func (n *pooled) freeMB() int                    { return n.ledger.FreeMemoryMB() }

// comingUp is the end of a start.
type comingUp struct {
	n  *pooled
	m  *ledger.Member
	on *instance
}

func (e *comingUp) happen(w *World) {
	w.meter.set(e.on, idle, w.now)
	e.n.ledger.Started(e.m, e.on, w.time())
	e.n.carryOut(true)
	e.n.c.router.changed(e.n.id)
}

// goingDown is the end of a close.
type goingDown struct {
	n  *pooled
	m  *ledger.Member
	on *instance
}

func (e *goingDown) happen(w *World) {
	w.meter.set(e.on, gone, w.now)
	e.n.ledger.Gone(e.m, w.time())
	e.n.carryOut(true)
	e.n.c.router.changed(e.n.id)
}

// freezing is the end of an order to freeze.
type freezing struct {
	n *pooled
	m *ledger.Member
}

func (e *freezing) happen(w *World) {
	e.n.ledger.Froze(e.m, nil, w.time())
	e.n.carryOut(true)
	e.n.c.router.changed(e.n.id)
}

// shrinking is the end of an order to reclaim.
type shrinking struct {
	n *pooled
	m *ledger.Member
}

func (e *shrinking) happen(w *World) {
	on := e.m.Instance().(*instance)
	if on.state == frozen {
		w.meter.set(on, reclaimed, w.now)
	}
	e.n.ledger.Reclaimed(e.m, int64(w.cfg.Moved*float64(on.memoryMB))<<20, nil, w.time())
	e.n.carryOut(true)
	e.n.c.router.changed(e.n.id)
}

// thawing is the end of an order to thaw.
type thawing struct {
	n  *pooled
	m  *ledger.Member
	on *instance
}

func (e *thawing) happen(w *World) {
	if w.now >= w.cfg.Skip {
		w.result.Thaws++
	}
	e.n.thawed = e.on
	e.n.ledger.Thawed(e.m, nil, w.time())
	e.n.thawed = nil
	e.n.carryOut(true)
	e.n.c.router.changed(e.n.id)
}

// sweeping has the ledger do what is due.
type sweeping pooled

func (s *sweeping) happen(w *World) {
	n := (*pooled)(s)
	if w.now != n.due {
		return // it was looked at sooner
	}
	n.due = 0
	n.ledger.Sweep(w.time())
	if n.carryOut(false) {
		n.c.router.changed(n.id)
	}
}
