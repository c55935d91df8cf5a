package network

import (
	"encoding/binary"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// A match is a condition of a rule, or what the rule does: a few instructions of the
// nftables machine, which work on register 1. Each function below is named after
// what nft(8) would write.
type match []expr.Any

func rule(parts ...match) []expr.Any {
	var all []expr.Any
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func compare(op expr.CmpOp, data []byte) expr.Any {
	return &expr.Cmp{Op: op, Register: 1, Data: data}
}

// iifname "prefix*": comparing fewer bytes than the register has is the wildcard.
func iifname(prefix string) match {
	return match{&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1}, compare(expr.CmpOpEq, []byte(prefix))}
}

func iifnameNot(prefix string) match {
	return match{&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1}, compare(expr.CmpOpNeq, []byte(prefix))}
}

func oifname(prefix string) match {
	return match{&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1}, compare(expr.CmpOpEq, []byte(prefix))}
}

func oifnameNot(prefix string) match {
	return match{&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1}, compare(expr.CmpOpNeq, []byte(prefix))}
}

func l4proto(p byte) match {
	return match{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, compare(expr.CmpOpEq, []byte{p})}
}

// ctState matches packets whose state is among the bits.
func ctState(bits uint32) match {
	return match{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: native(bits), Xor: native(0)},
		compare(expr.CmpOpNeq, native(0)),
	}
}

// destinationNAT matches packets of connections whose destination was changed: ct
// status dnat.
func destinationNAT() match {
	return match{
		&expr.Ct{Key: expr.CtKeySTATUS, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: native(statusDestinationNAT), Xor: native(0)},
		compare(expr.CmpOpNeq, native(0)),
	}
}

// statusDestinationNAT is IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h.
const statusDestinationNAT = 1 << 5

// spoofed matches packets whose source address the routing table does not put
// behind the interface they came from: fib saddr . iif oif missing.
func spoofed() match {
	return match{
		&expr.Fib{Register: 1, ResultOIF: true, FlagSADDR: true, FlagIIF: true, FlagPRESENT: true},
		compare(expr.CmpOpEq, native(0)),
	}
}

// fibDaddrType matches packets by what the routing table says of the destination.
func fibDaddrType(op expr.CmpOp, routeType uint32) match {
	return match{
		&expr.Fib{Register: 1, ResultADDRTYPE: true, FlagDADDR: true},
		compare(op, native(routeType)),
	}
}

// ipVersion is what rules need to know of a family.
type ipVersion struct {
	family       nftables.TableFamily
	keyType      nftables.SetDatatype
	saddr, daddr uint32 // offsets in the header
	length       uint32 // of an address
	icmp         byte   // protocol
	prohibited   byte   // code of its "destination unreachable": administratively prohibited
}

func ipv4() ipVersion {
	return ipVersion{nftables.TableFamilyIPv4, nftables.TypeIPAddr, 12, 16, 4, unix.IPPROTO_ICMP, 13}
}

func ipv6() ipVersion {
	return ipVersion{nftables.TableFamilyIPv6, nftables.TypeIP6Addr, 8, 24, 16, unix.IPPROTO_ICMPV6, 1}
}

// saddrIn matches packets from an address of the set: ip saddr @set.
func (v ipVersion) saddrIn(set *nftables.Set) match { return v.addressIn(v.saddr, set) }

func (v ipVersion) daddrIn(set *nftables.Set) match { return v.addressIn(v.daddr, set) }

func (v ipVersion) addressIn(offset uint32, set *nftables.Set) match {
	return match{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: v.length},
		&expr.Lookup{SourceRegister: 1, SetName: set.Name, SetID: set.ID},
	}
}

// connectionsOver counts a packet's connection with those that its source has, and
// matches when they are more: add @set { ip saddr ct count over most }.
func (v ipVersion) connectionsOver(set *nftables.Set, most int) match {
	return match{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: v.saddr, Len: v.length},
		&expr.Dynset{SrcRegKey: 1, SetName: set.Name, SetID: set.ID, Operation: unix.NFT_DYNSET_OP_ADD, Exprs: []expr.Any{
			&expr.Connlimit{Count: uint32(most), Flags: expr.NFT_CONNLIMIT_F_INV},
		}},
	}
}

// th dport: both UDP and TCP have it at the same place.
func dport(port uint16) match {
	return match{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		compare(expr.CmpOpEq, binary.BigEndian.AppendUint16(nil, port)),
	}
}

// originalPort matches packets of connections that were opened to the port, whatever
// destination NAT made of it: ct original proto-dst.
func originalPort(port uint16) match {
	return match{
		&expr.Ct{Key: expr.CtKeyPROTODST, Register: 1, Direction: 0},
		compare(expr.CmpOpEq, binary.BigEndian.AppendUint16(nil, port)),
	}
}

func verdict(kind expr.VerdictKind) match { return match{&expr.Verdict{Kind: kind}} }

func accept() match { return verdict(expr.VerdictAccept) }
func back() match   { return verdict(expr.VerdictReturn) }

func jump(chain string) match {
	return match{&expr.Verdict{Kind: expr.VerdictJump, Chain: chain}}
}

// drop and the rejections count, for people who look for a cause.
func drop() match { return match{&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop}} }

func rejectReset() match {
	return match{&expr.Counter{}, &expr.Reject{Type: unix.NFT_REJECT_TCP_RST}}
}

func (v ipVersion) rejectProhibited() match {
	return match{&expr.Counter{}, &expr.Reject{Type: unix.NFT_REJECT_ICMP_UNREACH, Code: v.prohibited}}
}

func masquerade() match { return match{&expr.Masq{}} }

func native(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

// intervals are the elements of a set of prefixes: the first address of each, and the
// first behind it unless the prefix reaches to the end of all.
func intervals(list []netip.Prefix) []nftables.SetElement {
	var elements []nftables.SetElement
	for _, p := range disjoint(list) {
		elements = append(elements, nftables.SetElement{Key: p.Addr().AsSlice()})
		if end := behind(p); end.IsValid() {
			elements = append(elements, nftables.SetElement{Key: end.AsSlice(), IntervalEnd: true})
		}
	}
	return elements
}

// behind is the first address after the prefix; the zero Addr when there is none.
func behind(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < 8*len(a); i++ {
		a[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(a)
	return last.Next()
}
