package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Await connects to a port of the sandbox's loopback as soon as something listens on
// it, at 127.0.0.1 or ::1; see [slipway.Sandbox].
func (s *Sandbox) Await(ctx context.Context, port uint16) (net.Conn, error) {
	conn, err := awaitPort(ctx, s.shell.netns, s.shell.knocker.Swap(nil), port)
	if err != nil {
		return nil, socketError(fmt.Errorf("wait for port %d in sandbox %s: %w", port, s.id, err))
	}
	return conn, nil
}

// How long to wait between two attempts. Few programs listen before knockAfter; early,
// a tenth of a millisecond matters, later it does not.
const (
	knockAfter = 600 * time.Microsecond
	knockEarly = 200 * time.Microsecond
	knockLate  = time.Millisecond
	knockSlow  = 10 * time.Millisecond
	earlyPhase = 20 * time.Millisecond
	latePhase  = time.Second
)

// awaitPort tries the port in a network namespace until it accepts or ctx ends. Nearly
// all programs listen on IPv4 too, so that ::1 is tried now and then only. The knocker
// may be nil; it is closed.
func awaitPort(ctx context.Context, netns, knocker *os.File, port uint16) (net.Conn, error) {
	pause, err := newTimer()
	if err != nil {
		return nil, err
	}
	defer pause.close()
	v4 := &knock{to: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port), socket: knocker}
	v6 := &knock{to: netip.AddrPortFrom(netip.IPv6Loopback(), port)}
	defer v4.close()
	defer v6.close()
	began := time.Now()
	for try := 1; ; try++ {
		if err := pause.wait(ctx, knockPause(time.Since(began))); err != nil {
			return nil, err
		}
		k := v4
		if try%8 == 0 {
			k = v6
		}
		conn, err := k.try(ctx, netns)
		if !errors.Is(err, unix.ECONNREFUSED) {
			return conn, err
		}
	}
}

func knockPause(elapsed time.Duration) time.Duration {
	switch {
	case elapsed < knockEarly:
		return knockAfter
	case elapsed < earlyPhase:
		return knockEarly
	case elapsed < latePhase:
		return knockLate
	default:
		return knockSlow
	}
}

// newKnocker makes the socket for the first address ahead of the time it is needed.
func (s *shell) newKnocker() error {
	fd, err := socketIn(s.netns, unix.AF_INET)
	if err != nil {
		return err
	}
	s.knocker.Store(os.NewFile(uintptr(fd), "knocker"))
	s.undo.add(func() error {
		if f := s.knocker.Swap(nil); f != nil {
			return f.Close()
		}
		return nil
	})
	return nil
}

// knock is attempts at one address. A socket that was refused can try again, which
// saves entering the namespace.
type knock struct {
	to     netip.AddrPort
	socket *os.File // nil: made when it is needed
}

func (k *knock) close() {
	if k.socket != nil {
		k.socket.Close()
	}
}

func (k *knock) try(ctx context.Context, netns *os.File) (net.Conn, error) {
	if k.socket == nil {
		fd, err := socketIn(netns, family(k.to.Addr()))
		if err != nil {
			return nil, err
		}
		k.socket = os.NewFile(uintptr(fd), "knock")
	}
	if err := k.connect(ctx); err != nil {
		return nil, os.NewSyscallError("connect", err)
	}
	return net.FileConn(k.socket)
}

// connect asks twice: the loopback's answer is there when the first call returns, but
// only the second call says what it is.
func (k *knock) connect(ctx context.Context) error {
	raw, err := k.socket.SyscallConn()
	if err != nil {
		return err
	}
	to := sockaddr(k.to)
	var outcome error
	if err := raw.Control(func(fd uintptr) {
		if outcome = unix.Connect(int(fd), to); errors.Is(outcome, unix.EINPROGRESS) {
			outcome = unix.Connect(int(fd), to)
		}
	}); err != nil {
		return err
	}
	if errors.Is(outcome, unix.EALREADY) || errors.Is(outcome, unix.EINTR) {
		return connected(ctx, k.socket)
	}
	if errors.Is(outcome, unix.ECONNABORTED) { // refused the last time, and connected has taken the error
		return unix.ECONNREFUSED
	}
	return outcome
}
