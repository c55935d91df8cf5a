// Package network connects sandboxes to the outside: egress through NAT, and
// nothing else.
//
// # Model
//
// An [Egress] is the gateway of all sandboxes of one owner (an invoker). [Egress.Attach]
// gives one network namespace a [Link]: a veth pair, one end on the host, the other
// in the namespace as eth0, with an IPv4 address from the pool, an IPv6 address where
// the machine has IPv6, and a default route.
//
//	sandbox A                 host                              outside
//	eth0 100.64.0.1/32 ───── slw<owner>-0 ┐
//	default dev eth0                      ├ route, filter, masquerade ── uplink
//	eth0 100.64.0.2/32 ───── slw<owner>-1 ┘
//	sandbox B
//
// There is no bridge and no shared segment: a link is point to point, and one host
// route per address says whose it is. Nor is there ARP or neighbour discovery: both
// ends of every pair have one hardware address and IFF_NOARP, so that nothing a
// sandbox sends can teach the host anything.
//
// # What is open and what is closed
//
// nftables tables of our own, one per IP version (rules.go draws them), let packets of
// our links pass:
//
//   - never with a source address other than the link's. The routing table is the
//     authority (fib), so that an attachment adds no rule and no set element.
//   - to a resolver of [Config].DNS, port 53, wherever it is, the host included.
//   - to what [Config].Allow names. A prefix opens addresses of the machine itself
//     only when it is exactly that address (/32, /128).
//   - to no address of the machine, no other sandbox, no private, link-local,
//     loopback, shared, reserved or multicast range, nor the metadata services in
//     them (ranges.go), judged before and after others' destination NAT: where that
//     leads to a closed range, Allow must name it.
//   - to everything else, with no more connections at once than [Config].Connections,
//     where the kernel can count them (nft_connlimit).
//     What is refused is refused at once: a TCP reset, or ICMP
//     "administratively prohibited"; only a false source address is met with silence.
//
// Towards a sandbox pass answers only.
//
// # What changes on the machine
//
// Setup switches net.ipv4.ip_forward on, and with IPv6 net.ipv6.conf.all.forwarding;
// interfaces that take router advertisements are set to go on doing so
// (accept_ra=2). Links forward whatever net.ipv4.conf.default says. The machine then forwards for others too, as with any container
// engine: a firewall for that is the administrator's. None of it is switched off again: others may rely on it by then.
//
// An unreachable route of protocol 83 holds the pool's prefix, so that two owners on
// one machine never choose the same and packets for free addresses do not leave it.
//
// In tables of others nothing is changed, with one exception: a drop is final in
// nftables, whatever other tables say, so where a chain of the forward hook has the
// policy drop (Docker's, ufw's), two rules are inserted at its top that accept what
// comes from and goes to our links; our own tables have the say about them. They are
// of the form that iptables-nft understands. Chains that appear later are noticed
// within half a minute, by the next Attach. What a firewall refuses by a rule and not
// by its policy stays refused until it is told of the links (firewalld: a zone with
// the target ACCEPT), and the tables of the older iptables (legacy) cannot be seen
// from nftables.
//
// # Invariants
//
//   - Everything has a name made from [Config].Name: the tables, the links' prefix, the
//     metric of the route. [Egress.Recover] finds by it what a dead owner left.
//   - An address is given out again as late as possible, and not before its veth is
//     gone.
//   - An Egress works in the network namespace of the thread that first called Recover
//     or Setup.
//
// The package imports nothing of this module. internal/sandbox makes the namespaces;
// connections into a sandbox do not come through here but from sockets made inside
// its namespace.
package network
