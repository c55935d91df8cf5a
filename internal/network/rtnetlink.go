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
	return s.acknowledged(first)
}

// acknowledged reads the kernel's answers to the requests first to s.seq.
func (s *socket) acknowledged(first uint32) error {
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
			if m.Header.Type != unix.NLMSG_ERROR || m.Header.Seq != next || len(m.Data) < 4 {
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
