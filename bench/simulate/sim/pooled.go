package sim

import (
	"strconv"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

// pooled is a node that decides as the product does: it drives the pool's ledger as
// pool.Pool does.
type pooled struct {
	c        *cluster
	id       int
	ledger   *ledger.Ledger
	members  int  // that have memory
	sweeping bool // as long as there are some
}

func newPooled(c *cluster, id int) *pooled {
	return &pooled{c: c, id: id, ledger: ledger.New(ledger.Config{MemoryMB: c.w.cfg.MemoryMB, MaxWaiting: 1000, FreezeAfter: -1})}
}

func (n *pooled) arrive(inv *invocation) {
	w := n.c.w
	if !n.sweeping {
		n.sweeping = true
		w.after(w.cfg.Sweep, (*sweeping)(n))
	}
	spec := &w.functions[inv.function].spec
	m, err := n.ledger.Take(spec, inv.route.limit, w.time())
	switch {
	case err != nil:
		n.c.refused(inv, err)
	case m != nil:
		n.begin(inv, m, false)
	default:
		n.ledger.Wait(spec.VersionRef, waiting{n, inv}, w.time())
	}
	n.carryOut(true)
}

func (n *pooled) ended(inv *invocation) {
	n.ledger.Release(inv.route.member, true, n.c.w.time())
	n.carryOut(true)
}

func (n *pooled) begin(inv *invocation, m *ledger.Member, cold bool) {
	inv.route.member = m
	n.c.w.begin(inv, m.Instance().(*instance), cold)
}

// waiting is an invocation in the ledger's queue.
type waiting struct {
	n   *pooled
	inv *invocation
}

// Answer ends the wait.
func (w waiting) Answer(m *ledger.Member, cold bool, err error) {
	if err != nil {
		w.n.c.refused(w.inv, err)
		return
	}
	w.n.begin(w.inv, m, cold)
}

// carryOut does what the ledger wants done, and says whether that was anything. making
// says that what it closes makes room: a sweep closes what has had its time.
func (n *pooled) carryOut(making bool) bool {
	w := n.c.w
	orders := n.ledger.Orders()
	for _, m := range orders.Start {
		n.members++
		w.launch(functionOf(m), n.id, func(on *instance) action { return &comingUp{n, m, on} })
	}
	for _, m := range orders.Close {
		on := m.Instance().(*instance)
		if making && w.now >= w.cfg.Skip {
			w.result.Evicted++
		}
		w.meter.set(on, closing, w.now)
		w.after(w.cfg.Close, &goingDown{n, m, on})
	}
	return len(orders.Start)+len(orders.Close) > 0
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
	e.n.members--
	e.n.ledger.Gone(e.m, w.time())
	e.n.carryOut(true)
	e.n.c.router.changed(e.n.id)
}

// sweeping has the ledger do what is due, again and again.
type sweeping pooled

func (s *sweeping) happen(w *World) {
	n := (*pooled)(s)
	if n.members == 0 {
		n.sweeping = false
		return
	}
	n.ledger.Sweep(w.time())
	if n.carryOut(false) {
		n.c.router.changed(n.id)
	}
	w.after(w.cfg.Sweep, s)
}
