package sim

import (
	"errors"

	"github.com/slipway-run/slipway"
)

// node is what an invoker decides: which instance an invocation gets, when one starts
// and when one goes.
type node interface {
	arrive(inv *invocation)
	ended(inv *invocation)
	counts() []slipway.VersionCount // as it would publish them
	freeMB() int
}

// router is what a gateway decides: which invoker an invocation goes to.
type router interface {
	// route names the invoker, other than the one excepted (-1 for none), and may leave
	// what it has to remember in inv.route.
	route(inv *invocation, except int) (node int, ok bool)
	// ended says that inv is not on its invoker any more.
	ended(inv *invocation)
	// changed says that what the invoker would publish has changed.
	changed(node int)
}

// cluster is invokers behind gateways: the platform of all policies that decide on each
// machine for itself.
type cluster struct {
	w      *World
	nodes  []node
	router router
}

func (c *cluster) arrive(inv *invocation) { c.send(inv, -1) }

// send has inv go to an invoker.
func (c *cluster) send(inv *invocation, except int) {
	to, ok := c.router.route(inv, except)
	if !ok {
		c.w.refuse(inv)
		return
	}
	inv.node = to
	inv.tries++
	c.w.after(c.w.cfg.Hop, (*arriving)(inv))
}

// arriving is an invocation that reaches its invoker.
type arriving invocation

func (a *arriving) happen(w *World) {
	inv := (*invocation)(a)
	c := w.platform.(*cluster)
	c.nodes[inv.node].arrive(inv)
	c.router.changed(inv.node)
}

func (c *cluster) ended(inv *invocation) {
	c.nodes[inv.node].ended(inv)
	c.router.ended(inv)
	c.router.changed(inv.node)
}

// refused is what becomes of an invocation that its invoker has no room for: it goes to
// a second one, once.
func (c *cluster) refused(inv *invocation, err error) {
	c.router.ended(inv)
	if inv.tries < 2 && errors.Is(err, slipway.ErrUnavailable) {
		c.send(inv, inv.node)
		return
	}
	c.w.refuse(inv)
}
