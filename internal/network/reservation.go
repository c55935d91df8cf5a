package network

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// routeProtocol marks our reservations in `ip route`. It is in the range that
// rtnetlink(7) leaves to programs.
const routeProtocol = 83

// defaultBlocks holds the IPv4 blocks of owners who say nothing. The upper half of
// the shared address space (RFC 6598) is left out: clouds have resolvers and
// metadata services at 100.100.0.0/16.
func defaultBlocks() netip.Prefix { return netip.MustParsePrefix("100.64.0.0/11") }

// blockBits is the length of a default block: 16,382 sandboxes.
const blockBits = 18

// reserveIPv4 reserves the configured prefix, or the first default block that
// nothing on this machine uses.
func (h *host) reserveIPv4(id identity, configured netip.Prefix, avoid []netip.Addr) (netip.Prefix, error) {
	if configured.IsValid() {
		return configured.Masked(), h.reserve(configured.Masked(), id.metric, true)
	}
	var last error
	space := defaultBlocks()
	blocks := uint32(1) << (blockBits - space.Bits())
	for i := range blocks {
		block := netip.PrefixFrom(nth(space, (id.blocks+i)%blocks<<(32-blockBits)), blockBits)
		if containsAny(block, avoid) {
			continue
		}
		if last = h.reserve(block, id.metric, false); last == nil || !errors.Is(last, errInUse) {
			return block, last
		}
	}
	return netip.Prefix{}, fmt.Errorf("no block of %s is free (%w): configure an IPv4 prefix for sandboxes", space, last)
}

// errInUse says that another has the prefix.
var errInUse = errors.New("in use")

// reserve holds the prefix by an unreachable route. Two owners may try at the same
// moment: each adds its own first and looks then, so at most one goes away content.
// carve allows to take the prefix out of a wider route, to a company's network say.
func (h *host) reserve(p netip.Prefix, metric int, carve bool) error {
	route := reservation(p, metric)
	if err := h.routes.RouteAdd(route); err != nil {
		return fmt.Errorf("reserve %s by a route: %w", p, err)
	}
	if err := h.checkFree(p, metric, carve); err != nil {
		return errors.Join(err, h.routes.RouteDel(route))
	}
	return nil
}

func reservation(p netip.Prefix, metric int) *netlink.Route {
	return &netlink.Route{
		Dst: ipNet(p), Type: unix.RTN_UNREACHABLE, Priority: metric,
		Protocol: routeProtocol, Table: unix.RT_TABLE_MAIN,
	}
}

// checkFree fails when the machine has a route into the prefix which is not ours,
// and, unless carve, when it has one to a wider prefix other than the default route.
func (h *host) checkFree(p netip.Prefix, metric int, carve bool) error {
	shortest := 1
	if carve {
		shortest = p.Bits()
	}
	all, err := h.routes.RouteListFiltered(familyOf(p), &netlink.Route{}, netlink.RT_FILTER_TABLE)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return fmt.Errorf("list the routes: %w", err)
	}
	for _, r := range all {
		to, ok := destination(r)
		ours := r.Protocol == routeProtocol && r.Priority == metric
		if ok && !ours && to.Bits() >= shortest && p.Overlaps(to) {
			return fmt.Errorf("prefix %s for sandboxes is %w: this machine has a route to %s", p, errInUse, to)
		}
	}
	return nil
}

// releaseReservations removes every route that holds a prefix of the owner.
func (h *host) releaseReservations(metric int) error {
	var errs []error
	for _, fam := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		filter := &netlink.Route{Protocol: routeProtocol, Table: unix.RT_TABLE_MAIN}
		reserved, err := h.routes.RouteListFiltered(fam, filter, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			errs = append(errs, fmt.Errorf("list the routes: %w", err))
		}
		for _, r := range reserved {
			if r.Priority != metric {
				continue
			}
			if err := h.routes.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) {
				errs = append(errs, fmt.Errorf("remove route %s: %w", r.Dst, err))
			}
		}
	}
	return errors.Join(errs...)
}
