package sim

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/choose"
	"github.com/slipway-run/slipway/pool/ledger"
)

// routed is what has to be remembered of an invocation on its way.
type routed struct {
	gateway int
	limit   int // instances of its function that the invoker may have
	choice  choose.Choice
	member  *ledger.Member // whose slot it holds
}

// chosen routes as the product does: gateways that each have a table of what the
// invokers published.
type chosen struct {
	c        *cluster
	gateways []*choose.Table
	turn     int
	speakers []speaker
	names    []string
	nodes    map[string]int // by name
}

// speaker is an invoker that publishes.
type speaker struct {
	r       *chosen
	node    int
	last    time.Duration // it spoke
	pending bool          // it is about to
}

func newChosen(c *cluster) *chosen {
	r := &chosen{c: c, speakers: make([]speaker, c.w.cfg.Invokers), nodes: map[string]int{}}
	for g := range c.w.cfg.Gateways {
		r.gateways = append(r.gateways, choose.New(rand.New(rand.NewPCG(c.w.cfg.Seed, uint64(g)))))
	}
	for i := range r.speakers {
		name := "invoker-" + strconv.Itoa(i)
		r.names = append(r.names, name)
		r.nodes[name] = i
		r.speakers[i] = speaker{r: r, node: i, last: -c.w.cfg.Pause}
		r.speakers[i].happen(c.w)
	}
	return r
}

func (r *chosen) route(inv *invocation, except int) (int, bool) {
	if except < 0 {
		inv.route.gateway = r.turn
		r.turn = (r.turn + 1) % len(r.gateways)
	}
	name := ""
	if except >= 0 {
		name = r.names[except]
	}
	// No invoker ever falls silent here: the tables are not told that time passes.
	choice, ok := r.gateways[inv.route.gateway].Take(&r.c.w.functions[inv.function].spec, name, began)
	if !ok {
		return 0, false
	}
	inv.route.choice, inv.route.limit = choice, choice.Limit
	return r.nodes[choice.Invoker], true
}

func (r *chosen) ended(inv *invocation) {
	r.gateways[inv.route.gateway].Done(inv.route.choice)
}

func (r *chosen) changed(node int) {
	s := &r.speakers[node]
	if !s.pending {
		s.pending = true
		r.c.w.at(max(r.c.w.now, s.last+r.c.w.cfg.Pause), s)
	}
}

func (s *speaker) happen(w *World) {
	s.pending, s.last = false, w.now
	n := s.r.c.nodes[s.node]
	state := slipway.InvokerState{ID: s.r.names[s.node], MemoryMB: w.cfg.MemoryMB, FreeMemoryMB: n.freeMB(), Versions: n.counts()}
	for _, table := range s.r.gateways {
		table.Update(state, began)
	}
}

// spread sends invocations to any invoker, whoever has instances.
type spread struct{ c *cluster }

func (r spread) route(inv *invocation, except int) (int, bool) {
	inv.route.limit = r.c.w.cfg.MaxScale
	node := r.c.w.random.IntN(len(r.c.nodes))
	if node == except {
		node = (node + 1) % len(r.c.nodes)
	}
	return node, node != except
}
func (spread) ended(*invocation) {}
func (spread) changed(int)       {}

// leastLoaded sends them where fewest are now.
type leastLoaded struct {
	c      *cluster
	flying []int
	from   int // where the next search begins, so that equals take turns
}

func (r *leastLoaded) route(inv *invocation, except int) (int, bool) {
	inv.route.limit = r.c.w.cfg.MaxScale
	best, n := -1, len(r.flying)
	for i := range n {
		node := (r.from + i) % n
		if node == except || best >= 0 && r.flying[node] >= r.flying[best] {
			continue
		}
		if best = node; r.flying[node] == 0 {
			break
		}
	}
	if best < 0 {
		return 0, false
	}
	r.from = (best + 1) % n
	r.flying[best]++
	return best, true
}
func (r *leastLoaded) ended(inv *invocation) { r.flying[inv.node]-- }
func (*leastLoaded) changed(int)             {}

// hashed sends a function's invocations to the invoker that follows its hash on a ring,
// and those that are refused to the next one.
type hashed struct {
	c    *cluster
	ring []hashPoint
}

type hashPoint struct {
	at   uint64
	node int
}

func newHashed(c *cluster) *hashed {
	r := &hashed{c: c}
	random := rand.New(rand.NewPCG(c.w.cfg.Seed, 3))
	for node := range c.w.cfg.Invokers {
		for range 16 {
			r.ring = append(r.ring, hashPoint{random.Uint64(), node})
		}
	}
	slices.SortFunc(r.ring, func(a, b hashPoint) int {
		if a.at < b.at {
			return -1
		}
		return 1
	})
	return r
}

func (r *hashed) route(inv *invocation, except int) (int, bool) {
	inv.route.limit = r.c.w.cfg.MaxScale
	at := rand.NewPCG(uint64(inv.function), 4).Uint64()
	i, _ := slices.BinarySearchFunc(r.ring, at, func(p hashPoint, at uint64) int {
		if p.at < at {
			return -1
		}
		return 1
	})
	for range r.ring {
		if node := r.ring[i%len(r.ring)].node; node != except {
			return node, true
		}
		i++
	}
	return 0, false
}
func (*hashed) ended(*invocation) {}
func (*hashed) changed(int)       {}
