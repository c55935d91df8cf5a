package network

import (
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// inside is the name of a link's end in its sandbox.
const inside = "eth0"

// createVeth asks for a veth pair: name here, inside in the namespace netns; both
// down and without address resolution (IFF_NOARP).
func createVeth(name string, netns, mtu int) *nl.NetlinkRequest {
	r := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	r.AddData(noARP())
	for _, a := range linkAttributes(name, mtu) {
		r.AddData(a)
	}
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("veth"))
	peer := info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(nl.VETH_INFO_PEER, nil)
	peer.AddChild(noARP())
	for _, a := range linkAttributes(inside, mtu) {
		peer.AddChild(a)
	}
	peer.AddRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(netns)))
	r.AddData(info)
	return r
}

func noARP() *nl.IfInfomsg {
	m := nl.NewIfInfomsg(unix.AF_UNSPEC)
	m.Flags, m.Change = unix.IFF_NOARP, unix.IFF_NOARP
	return m
}

// linkAttributes are the same for both ends. Without ARP a frame goes to the
// sender's own hardware address, so both ends have the same one; one queue is
// enough, where the default is one per processor.
func linkAttributes(name string, mtu int) []*nl.RtAttr {
	return []*nl.RtAttr{
		nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)),
		nl.NewRtAttr(unix.IFLA_ADDRESS, []byte{0x02, 's', 'l', 'w', 0, 1}),
		nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(mtu))),
		nl.NewRtAttr(unix.IFLA_NUM_TX_QUEUES, nl.Uint32Attr(1)),
		nl.NewRtAttr(unix.IFLA_NUM_RX_QUEUES, nl.Uint32Attr(1)),
	}
}

// setUp asks for the interface to be up. alias is shown to people.
func setUp(index int, alias string) *nl.NetlinkRequest {
	r, m := changeLink(index)
	m.Flags, m.Change = unix.IFF_UP, unix.IFF_UP
	if alias != "" {
		r.AddData(nl.NewRtAttr(unix.IFLA_IFALIAS, []byte(alias)))
	}
	return r
}

// noLinkLocal asks for no link-local IPv6 address on the interface: it would be of
// no use here, and announced. The request must come before the one to set up.
func noLinkLocal(index int) *nl.NetlinkRequest {
	r, _ := changeLink(index)
	families := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	families.AddRtAttr(unix.AF_INET6, nil).AddRtAttr(unix.IFLA_INET6_ADDR_GEN_MODE, []byte{addrGenModeNone})
	r.AddData(families)
	return r
}

// forwardIPv4 asks for what comes from the interface to be forwarded, also where the
// administrator has switched that off for new interfaces.
func forwardIPv4(index int) *nl.NetlinkRequest {
	r, _ := changeLink(index)
	families := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	families.AddRtAttr(unix.AF_INET, nil).AddRtAttr(unix.IFLA_INET_CONF, nil).AddRtAttr(devconfForwarding, nl.Uint32Attr(1))
	r.AddData(families)
	return r
}

// devconfForwarding is IPV4_DEVCONF_FORWARDING of linux/ip.h.
const devconfForwarding = 1

// addrGenModeNone is IN6_ADDR_GEN_MODE_NONE of linux/if_link.h.
const addrGenModeNone = 1

func changeLink(index int) (*nl.NetlinkRequest, *nl.IfInfomsg) {
	r := nl.NewNetlinkRequest(unix.RTM_SETLINK, 0)
	m := nl.NewIfInfomsg(unix.AF_UNSPEC)
	m.Index = int32(index)
	r.AddData(m)
	return r, m
}

func getLink(index int) *nl.NetlinkRequest {
	r := nl.NewNetlinkRequest(unix.RTM_GETLINK, 0)
	m := nl.NewIfInfomsg(unix.AF_UNSPEC)
	m.Index = int32(index)
	r.AddData(m)
	return r
}

// regroup puts the interface into a group (ip-link(8)), to be deleted with it.
func regroup(name string, group uint32) *nl.NetlinkRequest {
	r := nl.NewNetlinkRequest(unix.RTM_SETLINK, 0)
	r.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	r.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	r.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(group)))
	return r
}

// deleteGroup deletes every interface of the group at once.
func deleteGroup(group uint32) *nl.NetlinkRequest {
	r := nl.NewNetlinkRequest(unix.RTM_DELLINK, 0)
	r.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	r.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(group)))
	return r
}

// addAddress gives the interface the address, alone in its prefix.
func addAddress(index int, address netip.Addr) *nl.NetlinkRequest {
	r := nl.NewNetlinkRequest(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	m := nl.NewIfAddrmsg(family(address))
	m.Prefixlen, m.Index = uint8(address.BitLen()), uint32(index)
	if address.Is6() {
		m.IfAddrmsg.Flags = unix.IFA_F_NODAD // usable at once: nobody else is on the link
	}
	r.AddData(m)
	r.AddData(nl.NewRtAttr(unix.IFA_LOCAL, address.AsSlice()))
	r.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, address.AsSlice()))
	return r
}

// addRoute sends what is for the prefix to the interface, without a gateway.
func addRoute(index int, to netip.Prefix) *nl.NetlinkRequest {
	r := nl.NewNetlinkRequest(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	m := nl.NewRtMsg()
	m.Family, m.Dst_len = uint8(family(to.Addr())), uint8(to.Bits())
	m.Scope, m.Protocol = unix.RT_SCOPE_LINK, unix.RTPROT_STATIC
	r.AddData(m)
	if to.Bits() > 0 {
		r.AddData(nl.NewRtAttr(unix.RTA_DST, to.Addr().AsSlice()))
	}
	r.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(uint32(index))))
	return r
}
