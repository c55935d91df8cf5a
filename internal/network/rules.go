package network

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// ruleset is one nftables table of an owner: there is one of the family ip and one of
// the family ip6. As nft(8) lists it, with ours standing for the links' prefix:
//
//	table ip <name> {
//	  set pool, resolvers, hosts, allow, closed { type ipv4_addr; flags interval; … }
//	  set connections { type ipv4_addr; flags dynamic; … }
//	  chain prerouting { type filter hook prerouting priority mangle
//	    iifname != ours accept
//	    fib saddr . iif oif missing drop
//	    jump known
//	    jump destination
//	    add @connections { ip saddr ct count over 8192 } jump refuse
//	  }
//	  chain input { type filter hook input priority filter
//	    iifname != ours accept
//	    jump known
//	    jump translated
//	    jump destination
//	  }
//	  chain forward { type filter hook forward priority filter
//	    iifname ours oifname ours drop
//	    oifname ours ct state established,related accept
//	    oifname ours drop
//	    iifname != ours accept
//	    jump known
//	    jump translated
//	    jump destination
//	  }
//	  chain known {
//	    ct state invalid drop
//	    ct state established accept
//	    meta l4proto icmp ct state related accept
//	  }
//	  chain translated {
//	    ct status dnat meta l4proto udp ct original proto-dst 53 accept
//	    ct status dnat meta l4proto tcp ct original proto-dst 53 accept
//	  }
//	  chain destination {
//	    ip daddr @resolvers meta l4proto udp th dport 53 return
//	    ip daddr @resolvers meta l4proto tcp th dport 53 return
//	    ip daddr @pool jump refuse
//	    ip daddr @hosts return
//	    fib daddr type local jump refuse
//	    ip daddr @allow return
//	    ip daddr @closed jump refuse
//	    fib daddr type != unicast jump refuse
//	  }
//	  chain refuse {
//	    meta l4proto tcp reject with tcp reset
//	    reject with icmp admin-prohibited
//	  }
//	  chain postrouting { type nat hook postrouting priority srcnat
//	    ip saddr @pool oifname != ours masquerade
//	  }
//	}
//
// prerouting judges the destination the sandbox named, before anyone's destination
// NAT, and with it whatever is the machine's own; forward and input judge what NAT
// made of it. DNS alone may be translated to anywhere: clusters give a resolver a
// virtual address, and some networks send every query to a resolver of theirs. What
// passes is counted: the machine has one table of connections for all, and no sandbox
// may fill it. Packets of known connections pass with two lookups.
type ruleset struct {
	conn    *nftables.Conn
	table   *nftables.Table
	version ipVersion
	ours    string
}

// policy is what the rules are about.
type policy struct {
	pools, allow []netip.Prefix
	resolvers    []netip.Addr
	connections  int // of one sandbox at once; 0 does not count them
}

const (
	chainKnown       = "known"
	chainTranslated  = "translated"
	chainDestination = "destination"
	chainRefuse      = "refuse"
)

// install replaces the tables in one transaction: there is no moment without them.
func (h *host) install(name, ours string, p policy) error {
	conn, err := h.nft()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	for _, v := range h.versions {
		r := ruleset{conn: conn, table: &nftables.Table{Name: name, Family: v.family}, version: v, ours: ours}
		conn.AddTable(r.table) // so that there is one to delete
		conn.DelTable(r.table)
		conn.AddTable(r.table)
		if err := r.build(p); err != nil {
			return err
		}
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("install the nftables table %s (the kernel needs nf_tables with nat, fib, reject, masquerade and connlimit): %w", name, err)
	}
	return nil
}

// uninstall removes the tables, if there are any.
func (h *host) uninstall(name string) error {
	conn, err := h.nft()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	for _, v := range h.versions {
		table := &nftables.Table{Name: name, Family: v.family}
		conn.AddTable(table)
		conn.DelTable(table)
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("remove the nftables table %s: %w", name, err)
	}
	return nil
}

func (r ruleset) build(p policy) error {
	sets, err := r.sets(p)
	if err != nil {
		return err
	}
	r.refuse()
	r.known()
	r.translated()
	r.destination(sets)
	r.hooks(sets.connections, p.connections)
	r.nat(sets.pool)
	return nil
}

// addressSets are the sets of a table.
type addressSets struct {
	pool, resolvers, hosts, allow, closed *nftables.Set
	connections                           *nftables.Set // grows by itself: an element for each address that has some
}

func (r ruleset) sets(p policy) (addressSets, error) {
	var errs []error
	add := func(name string, list []netip.Prefix) *nftables.Set {
		set := &nftables.Set{Table: r.table, Name: name, KeyType: r.version.keyType, Interval: true}
		errs = append(errs, r.conn.AddSet(set, intervals(ofFamily(list, r.version.length == 4))))
		return set
	}
	sets := addressSets{
		pool:        add("pool", p.pools),
		resolvers:   add("resolvers", eachAlone(p.resolvers)),
		hosts:       add("hosts", single(p.allow)),
		allow:       add("allow", p.allow),
		closed:      add("closed", append(closedIPv4(), closedIPv6()...)),
		connections: &nftables.Set{Table: r.table, Name: "connections", KeyType: r.version.keyType, Dynamic: true, Size: maxSlots},
	}
	errs = append(errs, r.conn.AddSet(sets.connections, nil))
	if err := errors.Join(errs...); err != nil {
		return sets, fmt.Errorf("make the sets of addresses: %w", err)
	}
	return sets, nil
}

func (r ruleset) refuse() {
	c := r.chain(chainRefuse)
	r.add(c, l4proto(unix.IPPROTO_TCP), rejectReset())
	r.add(c, r.version.rejectProhibited())
}

// known accepts what belongs to a connection that was judged when it was opened.
func (r ruleset) known() {
	c := r.chain(chainKnown)
	r.add(c, ctState(expr.CtStateBitINVALID), drop())
	r.add(c, ctState(expr.CtStateBitESTABLISHED), accept())
	r.add(c, l4proto(r.version.icmp), ctState(expr.CtStateBitRELATED), accept())
}

func (r ruleset) translated() {
	c := r.chain(chainTranslated)
	for _, protocol := range dnsProtocols() {
		r.add(c, destinationNAT(), l4proto(protocol), originalPort(53), accept())
	}
}

func dnsProtocols() []byte { return []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} }

// destination returns for what may be connected to, and refuses the rest.
func (r ruleset) destination(sets addressSets) {
	c := r.chain(chainDestination)
	for _, protocol := range dnsProtocols() {
		r.add(c, r.version.daddrIn(sets.resolvers), l4proto(protocol), dport(53), back())
	}
	r.add(c, r.version.daddrIn(sets.pool), jump(chainRefuse))
	r.add(c, r.version.daddrIn(sets.hosts), back())
	r.add(c, fibDaddrType(expr.CmpOpEq, unix.RTN_LOCAL), jump(chainRefuse))
	r.add(c, r.version.daddrIn(sets.allow), back())
	r.add(c, r.version.daddrIn(sets.closed), jump(chainRefuse))
	r.add(c, fibDaddrType(expr.CmpOpNeq, unix.RTN_UNICAST), jump(chainRefuse))
}

// hooks are the chains that the kernel calls.
func (r ruleset) hooks(connections *nftables.Set, most int) {
	prerouting := r.base("prerouting", nftables.ChainTypeFilter, nftables.ChainHookPrerouting, nftables.ChainPriorityMangle)
	r.add(prerouting, iifnameNot(r.ours), accept())
	r.add(prerouting, spoofed(), drop())
	r.add(prerouting, jump(chainKnown))
	r.add(prerouting, jump(chainDestination))
	if most > 0 {
		r.add(prerouting, r.version.connectionsOver(connections, most), jump(chainRefuse))
	}

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

// judge lets the chain judge what destination NAT may have changed.
func (r ruleset) judge(c *nftables.Chain) {
	for _, judge := range []string{chainKnown, chainTranslated, chainDestination} {
		r.add(c, jump(judge))
	}
}

func (r ruleset) nat(pool *nftables.Set) {
	c := r.base("postrouting", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource)
	r.add(c, r.version.saddrIn(pool), oifnameNot(r.ours), masquerade())
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
