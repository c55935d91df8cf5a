package network

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// ruleset is the nftables table of one owner. As nft(8) would list it, for IPv4, with
// ours standing for the links' prefix:
//
//	table inet <name> {
//	  set pool4 resolvers4 hosts4 allow4 closed4 {…}
//	  chain prerouting { type filter hook prerouting priority mangle
//	    iifname != ours accept
//	    fib saddr . iif oif missing drop
//	    jump known
//	    jump destination
//	  }
//	  chain input      { …; iifname != ours accept; jump known; jump destination }
//	  chain forward    { type filter hook forward priority filter
//	    iifname ours oifname ours drop
//	    oifname ours ct state established,related accept
//	    oifname ours drop
//	    iifname != ours accept
//	    jump known
//	    jump destination
//	  }
//	  chain known {
//	    ct state invalid drop
//	    ct state established accept
//	    meta l4proto { icmp, icmpv6 } ct state related accept
//	  }
//	  chain destination {
//	    ct original daddr @resolvers4 meta l4proto { udp, tcp } ct original proto-dst 53 return
//	    ip daddr @pool4 jump refuse
//	    ct original daddr @hosts4 return
//	    fib daddr type local jump refuse
//	    ct original daddr @allow4 return
//	    ip daddr @closed4 jump refuse
//	    fib daddr type != unicast jump refuse
//	  }
//	  chain refuse { meta l4proto tcp reject with tcp reset; reject with icmpx admin-prohibited }
//	  chain postrouting { type nat hook postrouting priority srcnat
//	    ip saddr @pool4 oifname != ours masquerade
//	  }
//	}
//
// prerouting judges the destination the sandbox named, before anyone's destination
// NAT, and with it whatever is the machine's own; forward and input judge what NAT
// made of it. Packets of known connections pass with two lookups.
type ruleset struct {
	conn  *nftables.Conn
	table *nftables.Table
	ours  string
}

// policy is what the rules are about.
type policy struct {
	pools, allow []netip.Prefix
	resolvers    []netip.Addr
}

const (
	chainKnown       = "known"
	chainDestination = "destination"
	chainRefuse      = "refuse"
)

// install replaces the table in one transaction: there is no moment without it.
func (h *host) install(name, ours string, p policy) error {
	conn, err := h.nft()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	r := ruleset{conn: conn, table: inetTable(name), ours: ours}
	conn.AddTable(r.table)
	conn.DelTable(r.table)
	conn.AddTable(r.table)
	if err := r.build(p); err != nil {
		return err
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("install the nftables table %s (the kernel needs nf_tables with nat, fib, reject and masquerade): %w", name, err)
	}
	return nil
}

// uninstall removes the table, if there is one.
func (h *host) uninstall(name string) error {
	conn, err := h.nft()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	conn.AddTable(inetTable(name)) // so that there is one to delete
	conn.DelTable(inetTable(name))
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("remove the nftables table %s: %w", name, err)
	}
	return nil
}

func inetTable(name string) *nftables.Table {
	return &nftables.Table{Name: name, Family: nftables.TableFamilyINet}
}

func (r ruleset) build(p policy) error {
	refuse := r.chain(chainRefuse)
	r.add(refuse, l4proto(unix.IPPROTO_TCP), rejectReset())
	r.add(refuse, rejectProhibited())

	known := r.chain(chainKnown)
	r.add(known, ctState(expr.CtStateBitINVALID), drop())
	r.add(known, ctState(expr.CtStateBitESTABLISHED), accept())
	r.add(known, l4proto(unix.IPPROTO_ICMP), ctState(expr.CtStateBitRELATED), accept())
	r.add(known, l4proto(unix.IPPROTO_ICMPV6), ctState(expr.CtStateBitRELATED), accept())

	sets, err := r.sets(p)
	if err != nil {
		return err
	}
	r.destination(sets)
	r.hooks()
	r.nat(sets)
	return nil
}

// addressSets are the sets of one IP version.
type addressSets struct {
	version                                 ipVersion
	pool, resolvers, hosts, allowed, closed *nftables.Set
}

func (r ruleset) sets(p policy) ([]addressSets, error) {
	var all []addressSets
	var errs []error
	for _, v := range ipVersions() {
		add := func(name string, list []netip.Prefix) *nftables.Set {
			set := &nftables.Set{Table: r.table, Name: name + v.suffix, KeyType: v.keyType, Interval: true}
			errs = append(errs, r.conn.AddSet(set, intervals(ofFamily(list, v.length == 4))))
			return set
		}
		all = append(all, addressSets{
			version:   v,
			pool:      add("pool", p.pools),
			resolvers: add("resolvers", eachAlone(p.resolvers)),
			hosts:     add("hosts", single(p.allow)),
			allowed:   add("allow", p.allow),
			closed:    add("closed", append(closedIPv4(), closedIPv6()...)),
		})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("make the sets of addresses: %w", err)
	}
	return all, nil
}

// destination returns for what may be connected to, and refuses the rest.
func (r ruleset) destination(sets []addressSets) {
	c := r.chain(chainDestination)
	for _, s := range sets {
		for _, protocol := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
			r.add(c, s.version.originalDaddrIn(s.resolvers), l4proto(protocol), originalPort(53), back())
		}
		r.add(c, s.version.daddrIn(s.pool), jump(chainRefuse))
		r.add(c, s.version.originalDaddrIn(s.hosts), back())
	}
	r.add(c, fibDaddrType(expr.CmpOpEq, unix.RTN_LOCAL), jump(chainRefuse))
	for _, s := range sets {
		r.add(c, s.version.originalDaddrIn(s.allowed), back())
		r.add(c, s.version.daddrIn(s.closed), jump(chainRefuse))
	}
	r.add(c, fibDaddrType(expr.CmpOpNeq, unix.RTN_UNICAST), jump(chainRefuse))
}

// hooks are the chains that the kernel calls.
func (r ruleset) hooks() {
	prerouting := r.base("prerouting", nftables.ChainTypeFilter, nftables.ChainHookPrerouting, nftables.ChainPriorityMangle)
	r.add(prerouting, iifnameNot(r.ours), accept())
	r.add(prerouting, spoofed(), drop())
	r.judge(prerouting)

	input := r.base("input", nftables.ChainTypeFilter, nftables.ChainHookInput, nftables.ChainPriorityFilter)
	r.add(input, iifnameNot(r.ours), accept())
	r.judge(input)

	forward := r.base("forward", nftables.ChainTypeFilter, nftables.ChainHookForward, nftables.ChainPriorityFilter)
	r.add(forward, iifname(r.ours), oifname(r.ours), drop())
	r.add(forward, oifname(r.ours), ctState(expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED), accept())
	r.add(forward, oifname(r.ours), drop())
	r.add(forward, iifnameNot(r.ours), accept())
	r.judge(forward)
}

func (r ruleset) judge(c *nftables.Chain) {
	r.add(c, jump(chainKnown))
	r.add(c, jump(chainDestination))
}

func (r ruleset) nat(sets []addressSets) {
	c := r.base("postrouting", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource)
	for _, s := range sets {
		r.add(c, s.version.saddrIn(s.pool), oifnameNot(r.ours), masquerade())
	}
}

func (r ruleset) chain(name string) *nftables.Chain {
	return r.conn.AddChain(&nftables.Chain{Table: r.table, Name: name})
}

func (r ruleset) base(name string, kind nftables.ChainType, hook *nftables.ChainHook, priority *nftables.ChainPriority) *nftables.Chain {
	return r.conn.AddChain(&nftables.Chain{Table: r.table, Name: name, Type: kind, Hooknum: hook, Priority: priority})
}

func (r ruleset) add(c *nftables.Chain, parts ...match) {
	r.conn.AddRule(&nftables.Rule{Table: r.table, Chain: c, Exprs: rule(parts...)})
}

func eachAlone(addresses []netip.Addr) []netip.Prefix {
	var list []netip.Prefix
	for _, a := range addresses {
		list = append(list, alone(a))
	}
	return list
}

// single are those of the prefixes that are one address.
func single(list []netip.Prefix) []netip.Prefix {
	var some []netip.Prefix
	for _, p := range list {
		if p.IsSingleIP() {
			some = append(some, p)
		}
	}
	return some
}
