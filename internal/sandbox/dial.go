package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
)

// Dial connects inside the sandbox's network namespace. network is tcp, tcp4, tcp6 or
// unix; the host of a tcp address is an IP address or "localhost". A unix path is
// looked up in the sandbox's root and cannot leave it.
func (s *Sandbox) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := s.dial(ctx, network, address)
	if err != nil {
		return nil, socketError(fmt.Errorf("dial %s %s in sandbox %s: %w", network, address, s.id, err))
	}
	return conn, nil
}

func (s *Sandbox) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network == "unix" {
		return s.dialUnix(ctx, address)
	}
	candidates, err := resolve(network, address)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, a := range candidates {
		conn, err := s.connectTo(ctx, family(a.Addr()), sockaddr(a))
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// Listen listens inside the sandbox's network namespace: tcp, tcp4 or tcp6. The
// listener is the host's; it ends with Close, not with the sandbox.
func (s *Sandbox) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	l, err := s.listen(network, address)
	if err != nil {
		return nil, socketError(fmt.Errorf("listen on %s %s in sandbox %s: %w", network, address, s.id, err))
	}
	return l, nil
}

func (s *Sandbox) listen(network, address string) (net.Listener, error) {
	if network == "unix" {
		return nil, slipway.Errorf(slipway.ErrInvalid, "a unix socket of the host would belong to nobody in the sandbox: listen on tcp")
	}
	candidates, err := resolve(network, address)
	if err != nil {
		return nil, err
	}
	a := candidates[0]
	fd, err := socketIn(s.shell.netns, family(a.Addr()))
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close()
	if err := errors.Join(
		os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)),
		os.NewSyscallError("bind", unix.Bind(fd, sockaddr(a))),
		os.NewSyscallError("listen", unix.Listen(fd, unix.SOMAXCONN))); err != nil {
		return nil, err
	}
	return net.FileListener(f)
}

// dialUnix finds the socket without following a link out of the root (openat2(2)),
// and connects to what it found; an abstract name, "@name", belongs to the namespace.
func (s *Sandbox) dialUnix(ctx context.Context, path string) (net.Conn, error) {
	if strings.HasPrefix(path, "@") {
		return s.connectTo(ctx, unix.AF_UNIX, &unix.SockaddrUnix{Name: path})
	}
	fd, err := openIn(s.root, path, unix.O_PATH)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	return s.connectTo(ctx, unix.AF_UNIX, &unix.SockaddrUnix{Name: descriptorPath(f)})
}

// openIn opens a file of a root. No link leads it out of there.
func openIn(root *os.File, path string, flags uint64) (int, error) {
	for {
		fd, err := unix.Openat2(int(root.Fd()), strings.TrimLeft(path, "/"), &unix.OpenHow{
			Flags:   flags | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
		})
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) { // a rename raced with the lookup
			continue
		}
		return fd, os.NewSyscallError("openat2", err)
	}
}

// connectTo makes a socket in the namespace and connects it, from any thread: a socket
// stays in the namespace it was made in.
func (s *Sandbox) connectTo(ctx context.Context, family int, to unix.Sockaddr) (net.Conn, error) {
	fd, err := socketIn(s.shell.netns, family)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "connection")
	defer f.Close()
	err = unix.Connect(fd, to)
	if errors.Is(err, unix.EINPROGRESS) || errors.Is(err, unix.EINTR) {
		err = connected(ctx, f)
	}
	if err != nil {
		return nil, os.NewSyscallError("connect", err)
	}
	return net.FileConn(f)
}

// connected waits until a connection that is being made is there or refused.
func connected(ctx context.Context, f *os.File) error {
	stop := context.AfterFunc(ctx, func() { _ = f.SetWriteDeadline(longAgo()) })
	defer stop()
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var outcome error
	err = conn.Write(func(fd uintptr) bool {
		code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if outcome = err; err == nil && code != 0 {
			outcome = syscall.Errno(code)
		}
		if outcome != nil {
			return true
		}
		_, err = unix.Getpeername(int(fd)) // ENOTCONN: neither there nor refused
		return err == nil
	})
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(outcome, err)
}

// resolve gives the addresses to try.
func resolve(network, address string) ([]netip.AddrPort, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "address %q: %w", address, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, slipway.Errorf(slipway.ErrInvalid, "port %q: it must be a number from 0 to 65535", portText)
	}
	v4, v6 := netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()
	var hosts []netip.Addr
	switch host {
	case "localhost":
		hosts = []netip.Addr{v4, v6}
	case "":
		hosts = []netip.Addr{netip.IPv6Unspecified(), netip.IPv4Unspecified()}
	default:
		a, err := netip.ParseAddr(host)
		if err != nil {
			return nil, slipway.Errorf(slipway.ErrInvalid, "host %q: an IP address or localhost is expected", host)
		}
		hosts = []netip.Addr{a.Unmap()}
	}
	var out []netip.AddrPort
	for _, h := range hosts {
		if network == "tcp" || network == "tcp4" && h.Is4() || network == "tcp6" && h.Is6() {
			out = append(out, netip.AddrPortFrom(h, uint16(port)))
		}
	}
	if len(out) == 0 {
		return nil, slipway.Errorf(slipway.ErrInvalid, "network %q with host %q: tcp, tcp4, tcp6 or unix, and an address of its kind, are expected", network, host)
	}
	return out, nil
}

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// socketError gives an error of a socket its kind: nobody listens is ErrUnavailable.
func socketError(err error) error {
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT) {
		return &slipway.Error{Kind: slipway.ErrUnavailable, Message: err.Error(), Cause: err}
	}
	return kinded(err)
}
