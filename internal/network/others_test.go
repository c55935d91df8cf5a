package network_test

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"github.com/slipway-run/slipway/internal/network"
)

// forwardDropped gives the host the filter table of Docker or ufw: iptables-nft with
// the policy drop for what is forwarded.
func (w *world) forwardDropped() *nftables.Chain {
	w.t.Helper()
	conn, err := nftables.New(nftables.WithNetNSFd(w.host))
	if err != nil {
		w.t.Fatal(err)
	}
	drop := nftables.ChainPolicyDrop
	chain := &nftables.Chain{Name: "FORWARD", Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter, Policy: &drop}
	for _, family := range []nftables.TableFamily{nftables.TableFamilyIPv4, nftables.TableFamilyIPv6} {
		c := *chain
		c.Table = conn.AddTable(&nftables.Table{Name: "filter", Family: family})
		chain = conn.AddChain(&c)
	}
	if err := conn.Flush(); err != nil {
		w.t.Fatal(err)
	}
	return chain
}

func TestForwardingDroppedByAnotherFirewall(t *testing.T) {
	w := newWorld(t)
	w.serve(w.outside, "80")
	chain := w.forwardDropped()
	before := w.snapshot(w.host)
	e := w.egress(network.Config{})
	sandbox, _ := w.sandbox(e, "a")
	opens(t, sandbox, "tcp", outsideIPv4, "80", hostIPv4)
	opens(t, sandbox, "tcp", outsideIPv6, "80", hostIPv6)
	refuses(t, sandbox, "tcp", private, "80")
	if n := w.rules(w.host, chain); n != 2 {
		t.Errorf("%d rules were inserted, want 2", n)
	}
	rules := w.toolShows(t, "iptables-nft", "-S", "FORWARD")
	if rules != "" && (!strings.Contains(rules, "-i slw") || !strings.Contains(rules, "-o slw")) {
		t.Errorf("iptables shows %q, want our two rules", rules)
	}
	w.toolShows(t, "nft", "list", "ruleset")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if after := w.snapshot(w.host); after != before {
		t.Errorf("after close the host has\n%s\nbefore it had\n%s", after, before)
	}
}

// toolShows checks that a tool which this machine has still understands the host's
// rules; Docker and others depend on it. It returns "" where the tool is missing.
func (w *world) toolShows(t *testing.T, name string, args ...string) string {
	t.Helper()
	tool, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	var text []byte
	w.in(w.host, func() (err error) {
		text, err = exec.Command(tool, args...).CombinedOutput()
		if err != nil {
			t.Errorf("%s cannot read the rules any more: %v: %s", name, err, text)
		}
		return nil
	})
	return string(text)
}

// Destination NAT of others must lead nowhere that is closed.
func TestDestinationNATOfOthers(t *testing.T) {
	w := newWorld(t)
	w.serve(w.outside, "80")
	w.serve(w.outside, "53")
	w.serve(w.host, "80")
	const published, virtualResolver = "203.0.113.80", "10.96.0.10"
	w.redirect(published, private)
	w.redirect("203.0.113.81", hostIPv4)
	w.redirect(virtualResolver, resolver)
	sandbox, _ := w.sandbox(w.egress(network.Config{DNS: []netip.Addr{netip.MustParseAddr(virtualResolver)}}), "a")
	t.Run("to a private address", func(t *testing.T) { refuses(t, sandbox, "tcp", published, "80") })
	t.Run("to the host", func(t *testing.T) { refuses(t, sandbox, "tcp", "203.0.113.81", "80") })
	t.Run("of the resolver", func(t *testing.T) { opens(t, sandbox, "tcp", virtualResolver, "53", hostIPv4) })
}

// redirect makes the host send to another what is for an address.
func (w *world) redirect(from, to string) {
	w.t.Helper()
	conn, err := nftables.New(nftables.WithNetNSFd(w.host))
	if err != nil {
		w.t.Fatal(err)
	}
	table := conn.AddTable(&nftables.Table{Name: "nat", Family: nftables.TableFamilyIPv4})
	chain := conn.AddChain(&nftables.Chain{Name: "PREROUTING", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityNATDest})
	conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 4},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: netip.MustParseAddr(from).AsSlice()},
		&expr.Immediate{Register: 1, Data: netip.MustParseAddr(to).AsSlice()},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: uint32(nftables.TableFamilyIPv4), RegAddrMin: 1},
	}})
	if err := conn.Flush(); err != nil {
		w.t.Fatal(err)
	}
}
