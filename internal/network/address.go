package network

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func familyOf(p netip.Prefix) int { return family(p.Addr()) }

// destination of a route; the default route's is a prefix of length 0.
func destination(r netlink.Route) (netip.Prefix, bool) {
	if r.Dst == nil {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), true
	}
	a, ok := netip.AddrFromSlice(r.Dst.IP)
	bits, _ := r.Dst.Mask.Size()
	return netip.PrefixFrom(a, bits), ok
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// alone is the prefix that contains only the address.
func alone(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// everything is the destination of a default route of the address's family.
func everything(a netip.Addr) netip.Prefix {
	if a.Is4() {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
}

func containsAny(p netip.Prefix, addresses []netip.Addr) bool {
	for _, a := range addresses {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// ofFamily are those of the prefixes that are IPv4, or those that are not.
func ofFamily(list []netip.Prefix, ipv4 bool) []netip.Prefix {
	var some []netip.Prefix
	for _, p := range list {
		if p.Addr().Is4() == ipv4 {
			some = append(some, p)
		}
	}
	return some
}
