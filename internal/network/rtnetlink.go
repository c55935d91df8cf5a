package network

import (
	"encoding/binary"
	"fmt"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// socket is a route netlink socket (rtnetlink(7)), kept open. It belongs to the
// network namespace of the thread that opened it.
type socket struct {
	mu  sync.Mutex // one exchange at a time
	fd  int
	seq uint32
}

func openSocket() (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	return &socket{fd: fd}, nil
}

func (s *socket) close() { unix.Close(s.fd) }

// do sends the requests as one datagram: one system call, whatever their number.
// The kernel does every one of them, also after one that it refused; the error is
// that of the first it refused.
func (s *socket) do(requests ...*nl.NetlinkRequest) error {
	return s.exchange(func(syscall.NetlinkMessage) {}, requests...)
}

// exchange is do for requests that are answered by more than an acknowledgement.
func (s *socket) exchange(answer func(syscall.NetlinkMessage), requests ...*nl.NetlinkRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var datagram []byte
	first := s.seq + 1
	for _, r := range requests {
		s.seq++
		r.Seq = s.seq
		r.Flags |= unix.NLM_F_ACK
		datagram = append(datagram, r.Serialize()...)
	}
	if err := unix.Sendto(s.fd, datagram, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("send to netlink: %w", err)
	}
	return s.acknowledged(first, answer)
}

// acknowledged reads the kernel's answers to the requests first to s.seq.
func (s *socket) acknowledged(first uint32, answer func(syscall.NetlinkMessage)) error {
	var refused error
	buffer := make([]byte, 16<<10)
	for next := first; next <= s.seq; {
		n, _, err := unix.Recvfrom(s.fd, buffer, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("receive from netlink: %w", err)
		}
		messages, err := syscall.ParseNetlinkMessage(buffer[:n])
		if err != nil {
			return fmt.Errorf("receive from netlink: %w", err)
		}
		for _, m := range messages {
			if m.Header.Seq != next {
				continue
			}
			if m.Header.Type != unix.NLMSG_ERROR || len(m.Data) < 4 {
				answer(m)
				continue
			}
			next++
			if errno := int32(binary.NativeEndian.Uint32(m.Data)); errno != 0 && refused == nil {
				refused = unix.Errno(-errno)
			}
		}
	}
	return refused
}

// operational says whether the interface can send: the kernel has seen that it is up
// at both ends.
func (s *socket) operational(index int) (up bool, err error) {
	err = s.exchange(func(m syscall.NetlinkMessage) {
		if m.Header.Type != unix.RTM_NEWLINK || len(m.Data) < unix.SizeofIfInfomsg {
			return
		}
		attributes, _ := nl.ParseRouteAttrAsMap(m.Data[unix.SizeofIfInfomsg:])
		state := attributes[unix.IFLA_OPERSTATE].Value
		up = len(state) == 1 && state[0] == operUp
	}, getLink(index))
	return up, err
}

// operUp is IF_OPER_UP of linux/if.h.
const operUp = 6

// interfaceIndex is the index of the interface in the socket's namespace.
func (s *socket) interfaceIndex(name string) (int, error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, fmt.Errorf("interface %s: %w", name, err)
	}
	if err := unix.IoctlIfreq(s.fd, unix.SIOCGIFINDEX, request); err != nil {
		return 0, fmt.Errorf("interface %s: %w", name, err)
	}
	return int(request.Uint32()), nil
}
