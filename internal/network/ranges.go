package network

import (
	"net/netip"
	"slices"
)

// closedIPv4 are the destinations that are not the outside: the special-purpose
// registry of RFC 6890 without its documentation ranges, and one address of a cloud.
// Metadata services: 169.254.169.254, 169.254.170.2 (link-local), 100.100.100.200
// (shared), 192.0.0.192 (protocol assignments).
func closedIPv4() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8",
		"10.0.0.0/8",
		"100.64.0.0/10", // shared address space
		"127.0.0.0/8",
		"168.63.129.16/32", // Azure's host: hands out certificates and configuration
		"169.254.0.0/16",
		"172.16.0.0/12",
		"192.0.0.0/24",
		"192.168.0.0/16",
		"198.18.0.0/15", // benchmarks between networks
		"224.0.0.0/3",   // multicast, reserved, broadcast
	)
}

// closedIPv6 are the same for IPv6, and every form in which an IPv6 address carries
// a closed IPv4 one through a translator.
func closedIPv6() []netip.Prefix {
	closed := prefixes(
		"::/80",          // unspecified, loopback, IPv4-compatible, IPv4-mapped
		"64:ff9b:1::/48", // translation of local use
		"100::/64",       // discard
		"2001::/32",      // Teredo
		"2002::/16",      // 6to4
		"fc00::/7",       // unique local, fd00:ec2::254 among them
		"fe80::/9",       // link-local, site-local
		"ff00::/8",
	)
	translator := netip.MustParseAddr("64:ff9b::").As16() // RFC 6052
	for _, p := range closedIPv4() {
		a, v4 := translator, p.Addr().As4()
		copy(a[12:], v4[:])
		closed = append(closed, netip.PrefixFrom(netip.AddrFrom16(a), 96+p.Bits()))
	}
	return closed
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		list[i] = netip.MustParsePrefix(t)
	}
	return list
}

// disjoint sorts the prefixes and drops those that another contains.
func disjoint(list []netip.Prefix) []netip.Prefix {
	sorted := make([]netip.Prefix, len(list))
	for i, p := range list {
		sorted[i] = p.Masked()
	}
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	var kept []netip.Prefix
	for _, p := range sorted {
		if len(kept) == 0 || !kept[len(kept)-1].Overlaps(p) {
			kept = append(kept, p)
		}
	}
	return kept
}
