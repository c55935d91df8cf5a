package network

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// Config says what an Egress is.
type Config struct {
	// Name is the owner's, unique on the machine and the same after a restart: 1 to 63
	// characters a-z 0-9 and hyphens. It is the name of the nftables tables.
	Name string
	// IPv4 is the prefix sandboxes have addresses from, /30 or larger. The default is a
	// /18 (16,382 sandboxes) of 100.64.0.0/11 that no route of the machine overlaps.
	IPv4 netip.Prefix
	// IPv6 is the same for IPv6, /112 or larger. The default is a unique local /64
	// (RFC 4193) made from Name, used only when the machine has a default route for IPv6.
	IPv6 netip.Prefix
	// Allow opens destinations that are otherwise closed, on every port. Other
	// sandboxes stay closed; an address of the machine itself must be named alone.
	Allow []netip.Prefix
	// DNS are the resolvers of sandboxes, reachable on port 53. The default are those of
	// the machine: /etc/resolv.conf, or systemd-resolved's upstream ones.
	DNS []netip.Addr
	// Connections is how many connections to the outside one sandbox may have at once;
	// one that it closed counts no more, and one of UDP counts until the machine forgets
	// it, 30 s after the last packet. The default is a part in 32 of what the machine can
	// track (nf_conntrack_max), 1024 at least.
	Connections int
}

var nameSyntax = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

func (c Config) check() error {
	if !nameSyntax.MatchString(c.Name) {
		return fmt.Errorf("network name %q: 1 to 63 characters a-z, 0-9 and hyphens are expected", c.Name)
	}
	if c.IPv4.IsValid() && (!c.IPv4.Addr().Is4() || c.IPv4.Bits() > 30) {
		return fmt.Errorf("network prefix %s: an IPv4 prefix of /30 or larger is expected", c.IPv4)
	}
	if c.IPv6.IsValid() && (!c.IPv6.Addr().Is6() || c.IPv6.Addr().Is4In6() || c.IPv6.Bits() > 112) {
		return fmt.Errorf("network prefix %s: an IPv6 prefix of /112 or larger is expected", c.IPv6)
	}
	for _, p := range c.Allow {
		if !p.IsValid() || p.Addr().Is4In6() {
			return fmt.Errorf("network allow %s: a prefix like 10.1.0.0/16 is expected", p)
		}
	}
	if c.Connections < 0 || c.Connections > maxConnections {
		return fmt.Errorf("network connections %d: a number up to %d is expected, or 0 for the default", c.Connections, maxConnections)
	}
	for _, a := range c.DNS {
		if !usableResolver(a) {
			return fmt.Errorf("resolver %s: a sandbox has a loopback and links of its own and cannot reach it; configure a DNS server by its address in the network", a)
		}
	}
	return nil
}

// identity is what Name becomes where a name must be short, or a number.
type identity struct {
	linkPrefix string       // 10 of the 15 characters of an interface's name
	metric     int          // of the routes that hold our prefixes
	blocks     uint32       // where the search for a free IPv4 block begins
	ipv6       netip.Prefix // RFC 4193: fd, 40 bits, subnet 0
}

func identify(name string) identity {
	sum := sha256.Sum256([]byte(name))
	short := strings.ToLower(base32.HexEncoding.EncodeToString(sum[:5]))[:6]
	ula := [16]byte{0: 0xfd}
	copy(ula[1:6], sum[8:13])
	return identity{
		linkPrefix: "slw" + short + "-",
		metric:     int(binary.BigEndian.Uint32(sum[16:])>>1) | 1, // 0 would be "no metric"
		blocks:     binary.BigEndian.Uint32(sum[20:]),
		ipv6:       netip.PrefixFrom(netip.AddrFrom16(ula), 64),
	}
}
