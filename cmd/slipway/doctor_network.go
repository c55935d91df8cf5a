package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/network"
)

// checkEgress connects a network namespace to another one that plays the host: links,
// routes, forwarding and nftables are tried without touching the machine's own.
func (d *doctor) checkEgress(ctx context.Context) finding {
	err := inOwnNetwork(func(sandbox int) error { return tryEgress(ctx, d.name, sandbox) })
	if err != nil {
		return failure("load the kernel's modules (modprobe -a veth nf_tables nft_fib_ipv4 nft_fib_ipv6 nft_reject_ipv4 nft_reject_ipv6 nft_masq), "+
			"name a resolver with --dns, or serve without egress: --egress=false", "instances cannot be connected to the outside: %v", err)
	}
	return fine("veth, routes and nftables work; the resolver is in the network")
}

func tryEgress(ctx context.Context, name string, sandbox int) (err error) {
	egress, err := network.New(network.Config{Name: name}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, egress.Close()) }()
	if err := egress.Setup(ctx); err != nil {
		return err
	}
	link, err := egress.Attach(ctx, name, sandbox)
	if err != nil {
		return err
	}
	return link.Close()
}

// inOwnNetwork runs f in a network namespace of its own, with another one for a
// sandbox. Both end with the thread and the file.
func inOwnNetwork(f func(sandbox int) error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		sandbox, err := newNetwork()
		if err != nil {
			done <- err
			return
		}
		defer sandbox.Close()
		host, err := newNetwork()
		if err != nil {
			done <- err
			return
		}
		defer host.Close()
		done <- f(int(sandbox.Fd()))
	}()
	return <-done
}

// newNetwork moves the thread to a new network namespace and opens it.
func newNetwork() (*os.File, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, os.NewSyscallError("unshare", err)
	}
	return os.Open("/proc/thread-self/ns/net")
}

const forwardingFile = "/proc/sys/net/ipv4/ip_forward"

func checkForwarding(context.Context) finding {
	on, err := number(forwardingFile)
	if err != nil {
		return warning("", "cannot be read: %v", err)
	}
	if on == 1 {
		return fine("on")
	}
	if err := unix.Access(forwardingFile, unix.W_OK); err != nil {
		return warning("sysctl -w net.ipv4.ip_forward=1, or serve without egress: --egress=false", "off, and it cannot be switched on from here: %v", err)
	}
	return fine("off; the server switches it on")
}

// checkLegacyIptables looks for tables of the older iptables, whose chains cannot be
// seen, nor opened, from nftables.
func checkLegacyIptables(context.Context) finding {
	tables, err := os.ReadFile("/proc/net/ip_tables_names")
	if err == nil && slices.Contains(strings.Fields(string(tables)), "filter") {
		return warning("if instances reach nothing outside: iptables-legacy -I FORWARD -i slw+ -j ACCEPT; iptables-legacy -I FORWARD -o slw+ -j ACCEPT",
			"the legacy kind has a filter table, which may drop what instances send")
	}
	return fine("no filter table of the legacy kind")
}
