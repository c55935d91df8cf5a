package network_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// snapshot lists what Egress could leave behind in the namespace: links, routes,
// tables, chains with their number of rules, sets with their number of elements.
func (w *world) snapshot(netns int) string {
	w.t.Helper()
	var lines []string
	w.in(netns, func() error {
		links, err := netlink.LinkList()
		if err != nil {
			return err
		}
		for _, l := range links {
			lines = append(lines, "link "+l.Attrs().Name)
		}
		for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
			routes, err := netlink.RouteListFiltered(family, &netlink.Route{}, netlink.RT_FILTER_TABLE)
			if err != nil {
				return err
			}
			for _, r := range routes {
				if r.Table == unix.RT_TABLE_LOCAL || r.Dst.IP.IsLinkLocalUnicast() {
					continue // the kernel's own: it adds some to a router, and some in its own time
				}
				lines = append(lines, fmt.Sprintf("route %s type %d table %d protocol %d", r.Dst, r.Type, r.Table, r.Protocol))
			}
		}
		return nil
	})
	lines = append(lines, w.firewall(netns)...)
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (w *world) firewall(netns int) []string {
	w.t.Helper()
	conn, err := nftables.New(nftables.WithNetNSFd(netns))
	if err != nil {
		w.t.Fatal(err)
	}
	var lines []string
	chains, err := conn.ListChains()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range chains {
		lines = append(lines, fmt.Sprintf("chain %s %s with %d rules", c.Table.Name, c.Name, w.rules(netns, c)))
	}
	tables, err := conn.ListTables()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, table := range tables {
		lines = append(lines, "table "+table.Name)
		sets, err := conn.GetSets(table)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, s := range sets {
			if s.Dynamic {
				continue // the kernel's own, which removes elements in its own time
			}
			elements, err := conn.GetSetElements(s)
			if err != nil {
				w.t.Fatal(err)
			}
			lines = append(lines, fmt.Sprintf("set %s %s with %d elements", table.Name, s.Name, len(elements)))
		}
	}
	return lines
}

// rules counts the rules of a chain, as netlink messages: nftables.GetRules cannot
// decode every rule.
func (w *world) rules(netns int, c *nftables.Chain) int {
	w.t.Helper()
	request := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETRULE, unix.NLM_F_DUMP)
	request.AddData(&nl.Nfgenmsg{NfgenFamily: uint8(c.Table.Family)})
	request.AddData(nl.NewRtAttr(unix.NFTA_RULE_TABLE, nl.ZeroTerminated(c.Table.Name)))
	request.AddData(nl.NewRtAttr(unix.NFTA_RULE_CHAIN, nl.ZeroTerminated(c.Name)))
	count := 0
	w.in(netns, func() error {
		messages, err := request.Execute(unix.NETLINK_NETFILTER, 0)
		count = len(messages)
		return err
	})
	return count
}

// drops is how many packets rules with a counter have met, in chains of this name.
func (w *world) drops(t *testing.T, chain string) uint64 {
	t.Helper()
	conn, err := nftables.New(nftables.WithNetNSFd(w.host))
	if err != nil {
		t.Fatal(err)
	}
	var packets uint64
	for _, family := range []nftables.TableFamily{nftables.TableFamilyIPv4, nftables.TableFamilyIPv6} {
		table := &nftables.Table{Name: "slipway-test", Family: family}
		rules, err := conn.GetRules(table, &nftables.Chain{Name: chain, Table: table})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rules {
			for _, e := range r.Exprs {
				if c, ok := e.(*expr.Counter); ok {
					packets += c.Packets
				}
			}
		}
	}
	return packets
}

func sendUDP(from, to netip.AddrPort) error {
	c, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(from), net.UDPAddrFromAddrPort(to))
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("?"))
	return err
}

func removeIPv6Default() error {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V6)
	if err != nil {
		return err
	}
	for _, r := range routes {
		if r.Gw != nil {
			return netlink.RouteDel(&r)
		}
	}
	return fmt.Errorf("no default route for IPv6 to remove")
}
