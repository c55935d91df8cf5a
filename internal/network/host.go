package network

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// host is our side of every link: a network namespace, and what is kept open in it.
type host struct {
	netns    int
	links    *socket         // creates links
	reaper   *reaper         // deletes them, on a socket of its own: that takes longer
	routes   *netlink.Handle // everything that is not done per link
	versions []ipVersion     // that the kernel has
}

// openHost takes the calling thread's network namespace.
func openHost(id identity) (*host, error) {
	netns, err := currentNamespace()
	if err != nil {
		return nil, err
	}
	h := &host{netns: netns}
	if err := inNamespace(netns, func() error { return h.open(id) }); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *host) open(id identity) (err error) {
	if h.links, err = openSocket(); err != nil {
		return err
	}
	removals, err := openSocket()
	if err != nil {
		return err
	}
	h.reaper = &reaper{socket: removals, group: uint32(id.metric)}
	if h.routes, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open a netlink socket: %w", err)
	}
	h.versions = []ipVersion{ipv4()}
	if setting(ipv6Forwarding) != "" {
		h.versions = append(h.versions, ipv6())
	}
	return nil
}

func (h *host) close() {
	if h.links != nil {
		h.links.close()
	}
	if h.reaper != nil {
		h.reaper.socket.close()
	}
	if h.routes != nil {
		h.routes.Close()
	}
	unix.Close(h.netns)
}

// nft is a connection that buffers commands for one transaction.
func (h *host) nft() (*nftables.Conn, error) {
	return nftables.New(nftables.WithNetNSFd(h.netns))
}

// linksNamed are the names of the interfaces that begin with the prefix.
func (h *host) linksNamed(prefix string) ([]string, error) {
	all, err := h.routes.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list the links: %w", err)
	}
	var names []string
	for _, l := range all {
		if name := l.Attrs().Name; strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, nil
}

// uplinkMTU is the smallest of the interfaces with a default route, so that packets
// from sandboxes need not be told to be smaller.
func (h *host) uplinkMTU() (int, error) {
	mtu := 0
	for _, fam := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		defaults, err := h.defaultRoutes(fam)
		if err != nil {
			return 0, err
		}
		for _, r := range defaults {
			if link, err := h.routes.LinkByIndex(r.LinkIndex); err == nil && (mtu == 0 || link.Attrs().MTU < mtu) {
				mtu = link.Attrs().MTU
			}
		}
	}
	if mtu == 0 {
		return 1500, nil
	}
	return max(mtu, 1280), nil // the least that IPv6 works with
}

func (h *host) defaultRoutes(family int) ([]netlink.Route, error) {
	all, err := h.routes.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list the routes: %w", err)
	}
	var defaults []netlink.Route
	for _, r := range all {
		if p, ok := destination(r); ok && p.Bits() == 0 && r.Type == unix.RTN_UNICAST {
			defaults = append(defaults, r)
		}
	}
	return defaults, nil
}
