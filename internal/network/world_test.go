package network_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/network"
)

// The addresses of the world. Everything outside the host lives in one namespace
// that knows no route back to sandboxes: answers come only because of masquerading.
const (
	hostIPv4    = "198.51.100.1"
	hostIPv6    = "2001:db8:1::1"
	outsideIPv4 = "198.51.100.2"
	outsideIPv6 = "2001:db8:1::2"
	resolver    = "10.99.0.53"
	private     = "10.1.2.3"
	metadata    = "169.254.169.254"
	uniqueLocal = "fd12:3456::1"
	farPublic   = "203.0.113.9"
)

// world is a machine of namespaces: a host and the outside, joined by a veth pair.
// Nothing in it touches the network of the machine the test runs on.
type world struct {
	t             testing.TB
	host, outside int
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, host: newNamespace(t), outside: newNamespace(t)}
	w.in(w.host, func() error {
		return netlink.LinkAdd(&netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: "up0", MTU: 1400}, PeerName: "up0",
			PeerNamespace: netlink.NsFd(w.outside),
		})
	})
	w.in(w.host, func() error {
		return errors.Join(assign("up0", hostIPv4+"/24", hostIPv6+"/64"), assign("lo", "127.0.0.1/8"),
			defaultVia("up0", outsideIPv4), defaultVia("up0", outsideIPv6))
	})
	w.in(w.outside, func() error {
		return assign("up0", outsideIPv4+"/24", outsideIPv6+"/64", resolver+"/32", private+"/32", metadata+"/32",
			farPublic+"/32", uniqueLocal+"/128")
	})
	return w
}

// newNamespace makes a network namespace that lives as long as its file is open.
func newNamespace(t testing.TB) int {
	t.Helper()
	made := make(chan int, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Errorf("unshare the network namespace: %v (tests of this package need root)", err)
			made <- -1
			return
		}
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
		}
		made <- fd
	}()
	fd := <-made
	if fd < 0 {
		t.FailNow()
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := network.LoopbackUp(fd); err != nil {
		t.Fatal(err)
	}
	return fd
}

// within runs f on a thread of its own in the namespace.
func within(netns int, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(netns, unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

func (w *world) in(netns int, f func() error) {
	w.t.Helper()
	if err := within(netns, f); err != nil {
		w.t.Fatal(err)
	}
}

func assign(link string, addresses ...string) error {
	l, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	errs := []error{netlink.LinkSetUp(l)}
	for _, text := range addresses {
		a, err := netlink.ParseAddr(text)
		if err != nil {
			return err
		}
		a.Flags = unix.IFA_F_NODAD
		if err := netlink.AddrReplace(l, a); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func defaultVia(link, gateway string) error {
	l, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Gw: net.ParseIP(gateway)})
}

// egress sets one up on the world's host.
func (w *world) egress(cfg network.Config) *network.Egress {
	w.t.Helper()
	e, err := network.New(withDefaults(cfg), slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	w.in(w.host, func() error { return e.Setup(context.Background()) })
	w.t.Cleanup(func() {
		if err := e.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return e
}

func withDefaults(cfg network.Config) network.Config {
	if cfg.Name == "" {
		cfg.Name = "slipway-test"
	}
	if cfg.DNS == nil {
		cfg.DNS = []netip.Addr{netip.MustParseAddr(resolver)}
	}
	return cfg
}

// sandbox is a namespace with a link.
func (w *world) sandbox(e *network.Egress, id string) (int, *network.Link) {
	w.t.Helper()
	netns := newNamespace(w.t)
	l, err := e.Attach(context.Background(), id, netns)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := l.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return netns, l
}

// serve answers every TCP connection and UDP packet to the port, on every address of
// the namespace, with the address it came from.
func (w *world) serve(netns int, port string) {
	w.t.Helper()
	w.in(netns, func() error {
		l, err := net.Listen("tcp", ":"+port)
		if err != nil {
			return err
		}
		w.t.Cleanup(func() { l.Close() })
		go serveTCP(l)
		for _, address := range []string{outsideIPv4, resolver, private, hostIPv4} {
			p, err := net.ListenPacket("udp", net.JoinHostPort(address, port))
			if errors.Is(err, unix.EADDRNOTAVAIL) {
				continue
			}
			if err != nil {
				return err
			}
			w.t.Cleanup(func() { p.Close() })
			go serveUDP(p)
		}
		return nil
	})
}

func serveTCP(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
		_, _ = io.WriteString(c, host)
		c.Close()
	}
}

func serveUDP(p net.PacketConn) {
	buffer := make([]byte, 512)
	for {
		_, from, err := p.ReadFrom(buffer)
		if err != nil {
			return
		}
		host, _, _ := net.SplitHostPort(from.String())
		_, _ = p.WriteTo([]byte(host), from)
	}
}

// ask connects from the namespace and returns what the server says.
func ask(netns int, proto, host, port string) (answer string, err error) {
	err = within(netns, func() error {
		c, err := net.DialTimeout(proto, net.JoinHostPort(host, port), patience)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := c.Write([]byte("?")); err != nil {
			return err
		}
		buffer := make([]byte, 512)
		n, err := c.Read(buffer)
		answer = string(buffer[:n])
		return err
	})
	return answer, err
}

// patience ends a test that would otherwise hang.
const patience = 20 * time.Second

// opens checks that the sandbox is answered, by a server that saw want.
func opens(t *testing.T, netns int, proto, host, port, want string) {
	t.Helper()
	got, err := ask(netns, proto, host, port)
	if err != nil {
		t.Errorf("%s %s port %s: %v, want an answer", proto, host, port, err)
	} else if want != "" && got != want {
		t.Errorf("%s %s port %s was seen as coming from %s, want %s", proto, host, port, got, want)
	}
}

// refuses checks that the sandbox is told at once that it may not.
func refuses(t *testing.T, netns int, proto, host, port string) {
	t.Helper()
	got, err := ask(netns, proto, host, port)
	switch {
	case err == nil:
		t.Errorf("%s %s port %s answered %q, want it to be refused", proto, host, port, got)
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EACCES), errors.Is(err, unix.ENETUNREACH):
	case errors.Is(err, os.ErrDeadlineExceeded):
		t.Errorf("%s %s port %s was met with silence, want a refusal", proto, host, port)
	default:
		t.Errorf("%s %s port %s: %v, want a refusal", proto, host, port, err)
	}
}

// holds accepts connections and keeps them until the other end closes them.
func (w *world) holds(netns int, port string) {
	w.t.Helper()
	w.in(netns, func() error {
		l, err := net.Listen("tcp", ":"+port)
		if err != nil {
			return err
		}
		w.t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					io.Copy(io.Discard, c)
					c.Close()
				}()
			}
		}()
		return nil
	})
}

// hold opens a connection to port 80.
func hold(t *testing.T, netns int, host string) net.Conn {
	t.Helper()
	c, err := dialFrom(netns, host)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dialFrom(netns int, host string) (c net.Conn, err error) {
	err = within(netns, func() error {
		c, err = net.DialTimeout("tcp", net.JoinHostPort(host, "80"), patience)
		return err
	})
	return c, err
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		c.Close()
	}
}
