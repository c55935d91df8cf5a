package network_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/slipway-run/slipway/internal/network"
)

func TestCyclesLeaveNothing(t *testing.T) {
	w := newWorld(t)
	e := w.egress(network.Config{})
	netns := newNamespace(t)
	before := w.snapshot(w.host)
	for i := range 100 {
		l, err := e.Attach(context.Background(), fmt.Sprint("cycle-", i), netns)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if after := w.snapshot(w.host); after != before {
		t.Errorf("after 100 cycles the host has\n%s\nbefore it had\n%s", after, before)
	}
}

func TestAttachAtOnce(t *testing.T) {
	w := newWorld(t)
	w.serve(w.outside, "80")
	e := w.egress(network.Config{})
	before := w.snapshot(w.host)
	var all sync.WaitGroup
	for i := range 40 {
		netns := newNamespace(t)
		all.Go(func() {
			l, err := e.Attach(context.Background(), fmt.Sprint("at-once-", i), netns)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := ask(netns, "tcp", outsideIPv4, "80"); err != nil {
				t.Error(err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if after := w.snapshot(w.host); after != before {
		t.Errorf("afterwards the host has\n%s\nbefore it had\n%s", after, before)
	}
}

func TestCloseIsIdempotent(t *testing.T) {
	w := newWorld(t)
	e := w.egress(network.Config{})
	t.Run("the link", func(t *testing.T) {
		_, l := w.sandbox(e, "a")
		for range 3 {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("after the namespace took the link along", func(t *testing.T) {
		_, l := w.sandbox(e, "b")
		w.in(w.host, func() error {
			link, err := netlink.LinkByName(l.Name)
			if err != nil {
				return err
			}
			return netlink.LinkDel(link)
		})
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("the egress, before its links", func(t *testing.T) {
		_, l := w.sandbox(e, "c")
		for range 2 {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, err := e.Attach(context.Background(), "d", newNamespace(t)); err == nil {
			t.Error("attach after close succeeded")
		}
	})
}

func TestAttachThatFailsLeavesNothing(t *testing.T) {
	w := newWorld(t)
	e := w.egress(network.Config{})
	netns := newNamespace(t)
	w.in(netns, func() error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "eth1"})
	})
	before := w.snapshot(w.host)
	if _, err := e.Attach(context.Background(), "a", netns); err == nil {
		t.Fatal("attach to a namespace that has an eth0 succeeded")
	} else if !strings.Contains(err.Error(), "veth") {
		t.Errorf("the error is %q, want it to name the step", err)
	}
	if after := w.snapshot(w.host); after != before {
		t.Errorf("afterwards the host has\n%s\nbefore it had\n%s", after, before)
	}
}

func TestPoolRunsOutAndRefills(t *testing.T) {
	w := newWorld(t)
	e := w.egress(network.Config{IPv4: netip.MustParsePrefix("10.77.0.0/30")})
	_, first := w.sandbox(e, "a")
	_, second := w.sandbox(e, "b")
	if first.IPv4 == second.IPv4 {
		t.Fatalf("two links have the address %s", first.IPv4)
	}
	if _, err := e.Attach(context.Background(), "c", newNamespace(t)); err == nil || !strings.Contains(err.Error(), "larger IPv4 prefix") {
		t.Errorf("attach without a free address: %v, want advice", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, third := w.sandbox(e, "c"); third.IPv4 != first.IPv4 {
		t.Errorf("the address is %s, want the freed %s", third.IPv4, first.IPv4)
	}
}

// A sandbox that had the capability to change its addresses still could not use
// another's.
func TestSpoofedPacketsAreDropped(t *testing.T) {
	w := newWorld(t)
	w.serve(w.outside, "80")
	e := w.egress(network.Config{})
	_, victim := w.sandbox(e, "victim")
	spoofer, _ := w.sandbox(e, "spoofer")
	w.in(spoofer, func() error {
		return assign("eth0", victim.IPv4.String()+"/32", victim.IPv6.String()+"/128", "198.51.100.66/32")
	})
	for _, source := range []string{victim.IPv4.String(), victim.IPv6.String(), "198.51.100.66"} {
		t.Run(source, func(t *testing.T) {
			dropped, deadline := w.drops(t, "prerouting"), time.Now().Add(patience)
			for w.drops(t, "prerouting") == dropped {
				if time.Now().After(deadline) {
					t.Fatal("packets with this source are not dropped")
				}
				if err := sendFrom(spoofer, source); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	opens(t, spoofer, "tcp", outsideIPv4, "80", hostIPv4)
}

// sendFrom sends a UDP packet with the source address to the outside.
func sendFrom(netns int, source string) error {
	return within(netns, func() error {
		from, to := netip.MustParseAddr(source), netip.MustParseAddr(outsideIPv4)
		if from.Is6() {
			to = netip.MustParseAddr(outsideIPv6)
		}
		return sendUDP(netip.AddrPortFrom(from, 0), netip.AddrPortFrom(to, 80))
	})
}

func BenchmarkAttach(b *testing.B) {
	w := newWorld(b)
	e := w.egress(network.Config{})
	links := make([]*network.Link, 0, b.N)
	namespaces := make([]int, b.N)
	for i := range namespaces {
		namespaces[i] = newNamespace(b)
	}
	b.ResetTimer()
	for i := range b.N {
		l, err := e.Attach(context.Background(), "bench", namespaces[i])
		if err != nil {
			b.Fatal(err)
		}
		links = append(links, l)
	}
	b.StopTimer()
	var all sync.WaitGroup
	for _, l := range links {
		all.Go(func() { _ = l.Close() })
	}
	all.Wait()
}

func BenchmarkLoopbackUp(b *testing.B) {
	netns := newNamespace(b)
	for b.Loop() {
		if err := network.LoopbackUp(netns); err != nil {
			b.Fatal(err)
		}
	}
}
