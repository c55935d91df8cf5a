package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink/nl"
)

// Link is the connection of one sandbox.
type Link struct {
	Name string     // of the interface on the host
	IPv4 netip.Addr // of the sandbox
	IPv6 netip.Addr // of the sandbox; the zero Addr without IPv6

	egress    *Egress
	resolvers []netip.Addr
	slot      uint32
	close     func() error
}

// DNS are the resolvers for the sandbox's resolv.conf; at least one.
func (l *Link) DNS() []netip.Addr { return slices.Clone(l.resolvers) }

// Close removes the link and gives its addresses back. It returns when the interface
// is gone, some 20 ms; closing many at once takes no longer. It may be called more
// than once, after the namespace has gone, and after the Egress was closed.
func (l *Link) Close() error { return l.close() }

// Attach connects the network namespace: interface eth0, addresses, default route.
// id is what people see behind the interface's name on the host (its alias). The
// namespace must not have an eth0; the fd can be closed afterwards. On an error
// nothing is left.
func (e *Egress) Attach(ctx context.Context, id string, netns int) (*Link, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("attach %s to the network: %w", id, err)
	}
	g := e.ready
	if g == nil {
		return nil, fmt.Errorf("attach %s to the network: egress is not set up, or closed", id)
	}
	if g.others.due() {
		if err := e.passOthers(); err != nil {
			e.log.Warn("chains of other firewalls not changed", "err", err)
		}
	}
	slot, err := g.pool.take()
	if err != nil {
		return nil, fmt.Errorf("attach %s to the network: %w", id, err)
	}
	l := &Link{Name: g.pool.linkName(slot), egress: e, resolvers: g.resolvers, slot: slot}
	l.IPv4, l.IPv6 = g.pool.addresses(slot)
	l.close = sync.OnceValue(l.detach)
	if err := g.connect(ctx, l, id, netns); err != nil {
		return nil, errors.Join(fmt.Errorf("attach %s to the network: %w", id, err), g.remove(l))
	}
	return l, nil
}

func (l *Link) detach() error {
	l.egress.mu.RLock()
	defer l.egress.mu.RUnlock()
	if l.egress.ready == nil {
		return nil // the Egress was closed and has removed every link
	}
	return l.egress.ready.remove(l)
}

// remove deletes the link, and only then lets another have its slot.
func (g *gateway) remove(l *Link) error {
	if err := g.host.reaper.remove(l.Name); err != nil {
		return fmt.Errorf("remove link %s: %w", l.Name, err)
	}
	g.pool.give(l.slot)
	return nil
}

// connect makes the pair and sets both ends up, in four exchanges with the kernel.
func (g *gateway) connect(ctx context.Context, l *Link, id string, netns int) error {
	if err := g.host.links.do(createVeth(l.Name, netns, g.mtu)); err != nil {
		return fmt.Errorf("create the veth pair %s: %w", l.Name, err)
	}
	index, err := g.host.links.interfaceIndex(l.Name)
	if err != nil {
		return err
	}
	requests := append([]*nl.NetlinkRequest{forwardIPv4(index)}, l.linkUp(index, id)...)
	for _, a := range l.addresses() {
		requests = append(requests, addRoute(index, alone(a)))
	}
	if err := g.host.links.do(requests...); err != nil {
		return fmt.Errorf("set %s up on the host: %w", l.Name, err)
	}
	if err := l.furnish(netns); err != nil {
		return fmt.Errorf("set %s up in the sandbox: %w", inside, err)
	}
	return g.host.awaitCarrier(ctx, index)
}

// carrierTimeout is far more than the kernel takes.
const carrierTimeout = time.Second

// awaitCarrier returns when the host's end can send. It was set up while the other was
// down, and until a worker of the kernel has noticed the change it drops what it is
// given. Kernels from about 6.8 notice it when they are asked; older ones do within a
// millisecond.
func (h *host) awaitCarrier(ctx context.Context, index int) error {
	for deadline := time.Now().Add(carrierTimeout); time.Now().Before(deadline); {
		if up, err := h.links.operational(index); up || err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		time.Sleep(50 * time.Microsecond)
	}
	return errors.New("the link has no carrier: the sandbox's end is down")
}

// furnish sets up the sandbox's end.
func (l *Link) furnish(netns int) error {
	var guest *socket
	err := inNamespace(netns, func() (err error) {
		guest, err = openSocket()
		return err
	})
	if err != nil {
		return err
	}
	defer guest.close()
	index, err := guest.interfaceIndex(inside)
	if err != nil {
		return err
	}
	requests := l.linkUp(index, "")
	for _, a := range l.addresses() {
		requests = append(requests, addAddress(index, a), addRoute(index, everything(a)))
	}
	return guest.do(requests...)
}

func (l *Link) linkUp(index int, alias string) []*nl.NetlinkRequest {
	if l.IPv6.IsValid() {
		return []*nl.NetlinkRequest{noLinkLocal(index), setUp(index, alias)}
	}
	return []*nl.NetlinkRequest{setUp(index, alias)}
}

// addresses are those the link has, one or two.
func (l *Link) addresses() []netip.Addr {
	if l.IPv6.IsValid() {
		return []netip.Addr{l.IPv4, l.IPv6}
	}
	return []netip.Addr{l.IPv4}
}
