package network

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
	"sync"
)

// maxSlots bounds a pool: five digits of base 36 must hold a slot in a link's name.
const maxSlots = 1 << 20

// pool hands out slots; a slot stands for an IPv4 address, an IPv6 address and the
// name of a link. The one that has been free the longest comes first, so that a late
// answer from outside to a sandbox that is gone does not meet its successor.
type pool struct {
	prefix     string // of the links' names
	ipv4, ipv6 netip.Prefix
	size       uint32

	mu    sync.Mutex
	fresh uint32   // slots from here on were never taken
	freed []uint32 // in the order in which they were given back
}

func newPool(linkPrefix string, ipv4, ipv6 netip.Prefix) *pool {
	// The first and the last address are left out: they look like a network's and a
	// broadcast address to people and programs.
	size := uint32(min(uint64(1)<<(32-ipv4.Bits())-2, maxSlots))
	if ipv6.IsValid() {
		size = min(size, 1<<min(128-ipv6.Bits(), 31)-2)
	}
	return &pool{prefix: linkPrefix, ipv4: ipv4, ipv6: ipv6, size: size}
}

func (p *pool) take() (uint32, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fresh < p.size {
		p.fresh++
		return p.fresh - 1, nil
	}
	if len(p.freed) == 0 {
		return 0, errors.New("every address of " + p.ipv4.String() + " is in use: configure a larger IPv4 prefix for sandboxes")
	}
	slot := p.freed[0]
	p.freed = p.freed[1:]
	return slot, nil
}

func (p *pool) give(slot uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.freed = append(p.freed, slot)
}

func (p *pool) linkName(slot uint32) string {
	return p.prefix + strconv.FormatUint(uint64(slot), 36)
}

// addresses of the slot; the second is the zero Addr without IPv6.
func (p *pool) addresses(slot uint32) (ipv4, ipv6 netip.Addr) {
	return nth(p.ipv4, slot+1), nth(p.ipv6, slot+1)
}

// nth is the address n places behind the prefix's first.
func nth(p netip.Prefix, n uint32) netip.Addr {
	switch {
	case !p.IsValid():
		return netip.Addr{}
	case p.Addr().Is4():
		a := p.Masked().Addr().As4()
		binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(a[:])+n)
		return netip.AddrFrom4(a)
	default:
		a := p.Masked().Addr().As16()
		low := a[8:]
		binary.BigEndian.PutUint64(low, binary.BigEndian.Uint64(low)+uint64(n))
		return netip.AddrFrom16(a)
	}
}
