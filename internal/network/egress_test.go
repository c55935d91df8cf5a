package network_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/network"
)

func TestEgressReachesTheOutside(t *testing.T) {
	w := newWorld(t)
	w.serve(w.outside, "80")
	sandbox, _ := w.sandbox(w.egress(network.Config{}), "a")
	t.Run("IPv4", func(t *testing.T) { opens(t, sandbox, "tcp", outsideIPv4, "80", hostIPv4) })
	t.Run("IPv4, behind a router", func(t *testing.T) { opens(t, sandbox, "tcp", farPublic, "80", hostIPv4) })
	t.Run("UDP", func(t *testing.T) { opens(t, sandbox, "udp", outsideIPv4, "80", hostIPv4) })
	t.Run("IPv6", func(t *testing.T) { opens(t, sandbox, "tcp", outsideIPv6, "80", hostIPv6) })
}

func TestPrivateRangesAreClosed(t *testing.T) {
	w := newWorld(t)
	w.serve(w.outside, "80")
	sandbox, _ := w.sandbox(w.egress(network.Config{}), "a")
	for _, address := range []string{private, metadata, "172.16.0.1", "192.168.1.1", "100.100.100.200", "168.63.129.16", "192.0.0.192",
		uniqueLocal, "fd00:ec2::254", "64:ff9b::169.254.169.254", "64:ff9b::10.1.2.3", "2002:a01:203::1"} {
		t.Run(address, func(t *testing.T) { refuses(t, sandbox, "tcp", address, "80") })
	}
	t.Run("UDP", func(t *testing.T) { refuses(t, sandbox, "udp", private, "80") })
}

func TestHostIsClosed(t *testing.T) {
	w := newWorld(t)
	w.in(w.host, func() error { return assign("lo", "192.0.2.77/32", "10.9.9.9/32") })
	w.serve(w.host, "80")
	w.serve(w.host, "53")
	e := w.egress(network.Config{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	sandbox, _ := w.sandbox(e, "a")
	for _, address := range []string{hostIPv4, hostIPv6, "192.0.2.77", "10.9.9.9"} {
		t.Run(address, func(t *testing.T) {
			refuses(t, sandbox, "tcp", address, "80")
			refuses(t, sandbox, "tcp", address, "53")
		})
	}
	t.Run("UDP", func(t *testing.T) { refuses(t, sandbox, "udp", hostIPv4, "80") })
}

func TestSandboxesAreClosedToEachOther(t *testing.T) {
	w := newWorld(t)
	one := w.egress(network.Config{})
	open := w.egress(network.Config{Name: "slipway-open", Allow: []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"),
	}})
	for name, pair := range map[string][2]*network.Egress{
		"same owner":                     {one, one},
		"another owner":                  {one, open},
		"same owner, everything allowed": {open, open},
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := w.sandbox(pair[0], "a")
			b, link := w.sandbox(pair[1], "b")
			w.serve(b, "80")
			opens(t, b, "tcp", "127.0.0.1", "80", "127.0.0.1")
			refuses(t, a, "tcp", link.IPv4.String(), "80")
			refuses(t, a, "tcp", link.IPv6.String(), "80")
		})
	}
}

func TestResolversAreOpenOnPort53(t *testing.T) {
	for name, address := range map[string]string{"in a private range": resolver, "on the host": hostIPv4} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for _, netns := range []int{w.host, w.outside} {
				w.serve(netns, "53")
				w.serve(netns, "5353")
			}
			sandbox, link := w.sandbox(w.egress(network.Config{DNS: []netip.Addr{netip.MustParseAddr(address)}}), "a")
			opens(t, sandbox, "udp", address, "53", "")
			opens(t, sandbox, "tcp", address, "53", "")
			refuses(t, sandbox, "udp", address, "5353")
			refuses(t, sandbox, "tcp", address, "5353")
			refuses(t, sandbox, "tcp", private, "53")
			if got := link.DNS(); len(got) != 1 || got[0].String() != address {
				t.Errorf("DNS is %v, want %s", got, address)
			}
		})
	}
}

func TestAllowOpens(t *testing.T) {
	w := newWorld(t)
	w.in(w.host, func() error { return assign("lo", "10.9.9.9/32") })
	w.serve(w.outside, "80")
	w.serve(w.host, "80")
	sandbox, _ := w.sandbox(w.egress(network.Config{Allow: []netip.Prefix{
		netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("10.9.9.9/32"), netip.MustParsePrefix("fd12::/16"),
	}}), "a")
	t.Run("a prefix", func(t *testing.T) { opens(t, sandbox, "tcp", private, "80", hostIPv4) })
	t.Run("an IPv6 prefix", func(t *testing.T) { opens(t, sandbox, "tcp", uniqueLocal, "80", hostIPv6) })
	t.Run("an address of the host", func(t *testing.T) { opens(t, sandbox, "tcp", "10.9.9.9", "80", "") })
	t.Run("and nothing else", func(t *testing.T) {
		refuses(t, sandbox, "tcp", resolver, "80")
		refuses(t, sandbox, "tcp", metadata, "80")
		refuses(t, sandbox, "tcp", hostIPv4, "80")
	})
}

func TestForwardingIsOffForNewInterfaces(t *testing.T) {
	w := newWorld(t)
	w.in(w.host, func() error {
		return errors.Join(os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644),
			os.WriteFile("/proc/sys/net/ipv4/conf/default/forwarding", []byte("0"), 0o644))
	})
	w.serve(w.outside, "80")
	sandbox, _ := w.sandbox(w.egress(network.Config{}), "a")
	opens(t, sandbox, "tcp", outsideIPv4, "80", hostIPv4)
}

func TestWithoutIPv6(t *testing.T) {
	w := newWorld(t)
	w.in(w.host, removeIPv6Default)
	w.serve(w.outside, "80")
	sandbox, link := w.sandbox(w.egress(network.Config{}), "a")
	if link.IPv6.IsValid() {
		t.Errorf("the link has the address %s, want none without a default route for IPv6", link.IPv6)
	}
	opens(t, sandbox, "tcp", outsideIPv4, "80", hostIPv4)
	refuses(t, sandbox, "tcp", outsideIPv6, "80")
}

// TestConnectionsAreCounted: a sandbox that holds many connections gets no more, and its
// neighbours do.
func TestConnectionsAreCounted(t *testing.T) {
	const most = 20
	w := newWorld(t)
	w.holds(w.outside, "80")
	e := w.egress(network.Config{Connections: most})
	flooder, _ := w.sandbox(e, "flooder")
	neighbour, _ := w.sandbox(e, "neighbour")
	for _, address := range []string{outsideIPv4, outsideIPv6} {
		t.Run(address, func(t *testing.T) {
			var held []net.Conn
			defer func() { closeAll(held) }()
			for range most {
				held = append(held, hold(t, flooder, address))
			}
			refuses(t, flooder, "tcp", address, "80")
			hold(t, neighbour, address).Close()
			closeAll(held)
			deadline := time.Now().Add(patience)
			for {
				c, err := dialFrom(flooder, address)
				if err == nil {
					c.Close()
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("after the connections were closed: %v", err)
				}
			}
		})
	}
}
