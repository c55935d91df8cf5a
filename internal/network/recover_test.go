package network_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/network"
)

// asOwner in the environment makes the test binary an owner of links that waits to
// be killed.
const asOwner = "SLIPWAY_TEST_NETWORK_OWNER"

func TestMain(m *testing.M) {
	if os.Getenv(asOwner) != "" {
		if err := own(); err != nil {
			fmt.Println(err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// own sets up egress in the namespace of file 3, attaches that of file 4 and waits.
func own() error {
	runtime.LockOSThread()
	if err := unix.Setns(3, unix.CLONE_NEWNET); err != nil {
		return err
	}
	e, err := network.New(withDefaults(network.Config{}), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if err := e.Setup(context.Background()); err != nil {
		return err
	}
	if _, err := e.Attach(context.Background(), "orphan", 4); err != nil {
		return err
	}
	fmt.Println("attached")
	_, err = os.Stdin.Read(make([]byte, 1))
	return err
}

func TestRecoverAfterTheOwnerWasKilled(t *testing.T) {
	w := newWorld(t)
	w.serve(w.outside, "80")
	w.forwardDropped()
	before := w.snapshot(w.host)
	orphan := newNamespace(t)
	w.killedOwner(orphan)
	if left := w.snapshot(w.host); left == before {
		t.Fatal("the killed owner left nothing: the test proves nothing")
	}

	e, err := network.New(withDefaults(network.Config{}), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w.in(w.host, func() error { return e.Recover(context.Background()) })
	if after := w.snapshot(w.host); after != before {
		t.Errorf("after recover the host has\n%s\nbefore it had\n%s", after, before)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func TestSetupReplacesADeadOwner(t *testing.T) {
	w := newWorld(t)
	w.serve(w.outside, "80")
	orphan := newNamespace(t)
	w.killedOwner(orphan)
	e := w.egress(network.Config{})
	sandbox, link := w.sandbox(e, "a")
	opens(t, sandbox, "tcp", outsideIPv4, "80", hostIPv4)
	if _, err := ask(orphan, "tcp", outsideIPv4, "80"); err == nil {
		t.Error("the sandbox of the dead owner still has a network")
	}
	if err := e.Recover(context.Background()); err != nil {
		t.Error(err)
	}
	opens(t, sandbox, "tcp", outsideIPv4, "80", hostIPv4)
	if !strings.HasPrefix(link.Name, "slw") || len(link.Name) > 15 {
		t.Errorf("the link's name is %q", link.Name)
	}
}

// killedOwner runs an owner that attaches the namespace, and kills it.
func (w *world) killedOwner(netns int) {
	w.t.Helper()
	owner := exec.Command("/proc/self/exe")
	owner.Env = append(os.Environ(), asOwner+"=1")
	for _, fd := range []int{w.host, netns} {
		copied, err := unix.Dup(fd)
		if err != nil {
			w.t.Fatal(err)
		}
		file := os.NewFile(uintptr(copied), "netns")
		defer file.Close()
		owner.ExtraFiles = append(owner.ExtraFiles, file)
	}
	stdin, err := owner.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := owner.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		w.t.Fatal(err)
	}
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	_ = owner.Process.Kill()
	_ = owner.Wait()
	if line != "attached\n" {
		w.t.Fatalf("the owner says %q", line)
	}
}

func TestOwnersShareAMachine(t *testing.T) {
	w := newWorld(t)
	w.serve(w.outside, "80")
	used := map[netip.Prefix]string{}
	for i := range 6 {
		name := fmt.Sprint("owner-", i)
		sandbox, link := w.sandbox(w.egress(network.Config{Name: name}), "a")
		opens(t, sandbox, "tcp", outsideIPv4, "80", hostIPv4)
		block, err := link.IPv4.Prefix(18)
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := used[block]; taken {
			t.Errorf("%s and %s both have %s", name, other, block)
		}
		used[block] = name
	}
}

func TestPrefixInUse(t *testing.T) {
	w := newWorld(t)
	w.in(w.host, func() error { return assign("lo", "10.50.3.4/24") })
	for prefix, want := range map[string]string{"10.50.0.0/16": "in use", "10.50.3.128/26": ""} {
		e, err := network.New(withDefaults(network.Config{IPv4: netip.MustParsePrefix(prefix)}), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		before := w.snapshot(w.host)
		err = within(w.host, func() error { return e.Setup(context.Background()) })
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("setup with %s: %v, want %q", prefix, err, want)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if after := w.snapshot(w.host); after != before {
			t.Errorf("after %s the host has\n%s\nbefore it had\n%s", prefix, after, before)
		}
	}
}
