package sandbox_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/cgroup"
	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/internal/sandbox/sandboxtest"
	"github.com/slipway-run/slipway/internal/testenv"
)

// isolated gives specs that name no isolation one.
type isolated struct {
	slipway.Launcher
	isolation string
}

func (i isolated) Create(ctx context.Context, spec slipway.SandboxSpec) (slipway.Sandbox, error) {
	if spec.Isolation == "" {
		spec.Isolation = i.isolation
	}
	return i.Launcher.Create(ctx, spec)
}

func TestRunc(t *testing.T) { testRuntime(t, "runc", nil, 2000) }

// TestCrun runs the suite where crun can: it refuses machines that have control groups of
// version 1 beside those of version 2. There it must say so.
func TestCrun(t *testing.T) {
	groups, err := cgroup.Detect()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(groups.String(), "v1") {
		testRuntime(t, "crun", sandboxtest.Excuses{
			"unknown system calls": "crun has no rule for calls that are newer than the profile, so that they are forbidden as all others",
		}, 2500)
		return
	}
	testenv.Require(t, "crun")
	bench := sandboxtest.NewBench(isolated{newNative(t, 2600).OCI(nil), "oci:crun"}, sandboxtest.Image(t))
	s := bench.Create(t, bench.Spec("id"))
	if err := s.Start(t.Context(), slipway.Stdio{}); err == nil || !strings.Contains(err.Error(), "oci:crun: create: cgroups in hybrid mode not supported") {
		t.Errorf("%v", err)
	}
}

func testRuntime(t *testing.T, name string, excused sandboxtest.Excuses, n int) {
	testenv.Require(t, name)
	sandboxtest.RunExcused(t, excused, func(t *testing.T) slipway.Launcher {
		n++
		return isolated{newNative(t, n).OCI(nil), "oci:" + name}
	})
}

// TestContainerLeavesNothing looks for what a runtime makes on the host, while it is
// there and after.
func TestContainerLeavesNothing(t *testing.T) {
	testenv.Require(t, "runc")
	const n = 2100
	native := newNativeOf(t, n, sandbox.Config{Shells: 2})
	bench := sandboxtest.NewBench(isolated{native.OCI(nil), "oci:runc"}, sandboxtest.Image(t))
	cycle := func() {
		p := bench.Start(t, bench.Spec("pause"))
		p.Expect(t, "paused")
		if left := bundlesOf(t, n); len(left) != 1 {
			t.Errorf("bundles while one container runs: %v", left)
		}
		if err := errors.Join(p.Close(), p.Stdin.Close(), p.Stdout.Close()); err != nil {
			t.Fatal(err)
		}
		if left := bundlesOf(t, n); len(left) != 0 {
			t.Errorf("bundles are left: %v", left)
		}
	}
	cycle() // what is made once is made now
	waitForShells(t, n, 2)
	fds, mounts, processes := count(t, "/proc/self/fd"), mountsHere(t), childrenOf(os.Getpid())
	cycles := 10
	if testing.Short() {
		cycles = 2
	}
	for range cycles {
		cycle()
	}
	waitForShells(t, n, 2)
	sandboxtest.Eventually(t, "as many open files as before", func() bool { return count(t, "/proc/self/fd") <= fds })
	sandboxtest.Eventually(t, "as many processes as before", func() bool { return len(childrenOf(os.Getpid())) == len(processes) })
	if now := mountsHere(t); now != mounts {
		t.Errorf("%d mounts, %d before", now, mounts)
	}
	if err := native.Close(); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"/run/", "/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		if left, err := filepath.Glob(pattern + nameOf(n)); err != nil || len(left) > 0 {
			t.Errorf("left after Close: %v, %v", left, err)
		}
	}
}

func bundlesOf(t *testing.T, n int) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("/run", nameOf(n), "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestRuntimeMissing(t *testing.T) {
	runc := testenv.Require(t, "runc")
	launcher := newNative(t, 2200).OCI(map[string]string{
		"ours": runc, "broken": scriptedRuntime(t, "exit 1"), "gone": "/no/such/runtime", "talks": talkingRuntime(t),
	})
	bench := sandboxtest.NewBench(launcher, sandboxtest.Image(t))
	spec := bench.Spec("id")
	spec.Isolation = "oci:ours"
	bench.OutputOf(t, spec)
	for isolation, want := range map[string][]string{
		"oci:bash":   {"oci:bash", "it has oci:broken", "oci:ours", "apt-get install", "--oci-runtime"}, // in PATH, but nobody's runtime
		"oci:broken": {"oci:broken: create: exit status 1"},
		"oci:talks":  {"oci:talks: create: it is Monday; it is closed on Mondays"},
		"oci:gone":   {"/no/such/runtime", "no such file"},
		"":           {"not that of an OCI runtime"},
	} {
		spec := bench.Spec("id")
		spec.Isolation = isolation
		s, err := launcher.Create(t.Context(), spec)
		if err == nil {
			err = s.Start(t.Context(), slipway.Stdio{})
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if err == nil {
			t.Errorf("%q starts", isolation)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q does not say %q", err, w)
			}
		}
	}
	if _, err := newNative(t, 2201).Create(t.Context(), spec); !errors.Is(err, slipway.ErrInvalid) {
		t.Errorf("the native runtime takes %s: %v", spec.Isolation, err)
	}
}

// talkingRuntime is one that refuses, and says why as runsc does: in a log of JSON objects
// that no line divides.
func talkingRuntime(t *testing.T) string {
	return scriptedRuntime(t, `while [ "$1" != --log ]; do shift; done
printf '%s' '{"level":"error","msg":"it is Monday"}{"level":"error","msg":"it is closed on Mondays"}{"level":"info","msg":"bye"}' >"$2"
exit 3`)
}

func scriptedRuntime(t *testing.T, script string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "runtime")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRuntimeHangs: a runtime that does not come back can be given up.
func TestRuntimeHangs(t *testing.T) {
	gone := errors.New("gone")
	for name, giveUp := range map[string]func(s slipway.Sandbox, cancel context.CancelCauseFunc){
		"by context": func(_ slipway.Sandbox, cancel context.CancelCauseFunc) { cancel(gone) },
		"by close": func(s slipway.Sandbox, _ context.CancelCauseFunc) {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			launcher := newNativeOf(t, 2700, sandbox.Config{Shells: -1}).OCI(map[string]string{"hangs": scriptedRuntime(t, "sleep 1000; true")})
			bench := sandboxtest.NewBench(isolated{launcher, "oci:hangs"}, sandboxtest.Image(t))
			s := bench.Create(t, bench.Spec("id"))
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			started := make(chan error, 1)
			go func() { started <- s.Start(ctx, slipway.Stdio{}) }()
			monitor := monitorsOf(t, os.Getpid())[0]
			sandboxtest.Eventually(t, "the runtime hangs", func() bool {
				runtimes := childrenOf(monitor)
				return len(runtimes) == 1 && len(childrenOf(runtimes[0])) == 1
			})
			giveUp(s, cancel)
			if err := <-started; err == nil || name == "by context" && !errors.Is(err, gone) {
				t.Errorf("start: %v", err)
			}
			<-s.Done()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if left := monitorsOf(t, os.Getpid()); len(left) > 0 {
				t.Errorf("monitors are left: %v", left)
			}
		})
	}
}

// TestMonitorKilled: a sandbox whose monitor is gone has an end that nobody knows, and
// closes like any other.
func TestMonitorKilled(t *testing.T) {
	testenv.Require(t, "runc")
	bench := sandboxtest.NewBench(isolated{newNativeOf(t, 2300, sandbox.Config{Shells: -1}).OCI(nil), "oci:runc"}, sandboxtest.Image(t))
	p := bench.Start(t, bench.Spec("pause"))
	p.Expect(t, "paused")
	monitors := monitorsOf(t, os.Getpid())
	if len(monitors) != 1 {
		t.Fatalf("monitors: %v", monitors)
	}
	if err := syscall.Kill(monitors[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if exit := p.Wait(t); exit.Err == nil || !strings.Contains(exit.Err.Error(), "monitor") {
		t.Errorf("%s", exit)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func monitorsOf(t *testing.T, pid int) (monitors []int) {
	t.Helper()
	for _, child := range childrenOf(pid) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", child)) // it may have ended
		if strings.HasPrefix(string(line), "slipway-monitor\x00") {
			monitors = append(monitors, child)
		}
	}
	return monitors
}

// containerOwnerEnv makes the test's program an owner of containers that waits to be
// killed: its value is "folder name layer".
const containerOwnerEnv = "SANDBOX_TEST_CONTAINER_OWNER"

func TestContainerOwnerKilled(t *testing.T) {
	testenv.Require(t, "runc")
	const n = 2400
	dir, layer := t.TempDir(), sandboxtest.Image(t)
	owner := exec.Command("/proc/self/exe", "-test.run=^TestContainerOwner$")
	owner.Env = append(os.Environ(), containerOwnerEnv+"="+strings.Join([]string{dir, nameOf(n), layer}, " "))
	owner.Stderr = os.Stderr
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "ready" {
		t.Log(lines.Text())
	}
	running := threadsOf(t, n)
	if running < 2 {
		t.Errorf("the owner's containers have %d threads", running)
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait() // it was killed
	sandboxtest.Eventually(t, "the monitors end what is not frozen", func() bool { return threadsOf(t, n) < running })
	if left := bundlesOf(t, n); len(left) != 3 {
		t.Errorf("bundles of the dead owner: %v", left)
	}

	native, err := sandbox.New(sandbox.Config{Dir: dir, Name: nameOf(n), Shells: -1}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer native.Close()
	if err := native.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"/run/", "/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		if left, err := filepath.Glob(pattern + nameOf(n)); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
	sandboxtest.NewBench(isolated{native.OCI(nil), "oci:runc"}, layer).Output(t, "id")
}

// threadsOf counts the threads of all sandboxes of a runtime.
func threadsOf(t *testing.T, n int) (threads int) {
	t.Helper()
	system, err := cgroup.Detect()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range groupsOf(t, n) {
		found, err := system.Open(name).Threads()
		if err != nil {
			t.Fatal(err)
		}
		threads += len(found)
	}
	return threads
}

// TestContainerOwner is the owner that TestContainerOwnerKilled kills; alone it has
// nothing to do.
func TestContainerOwner(t *testing.T) {
	args := strings.Fields(os.Getenv(containerOwnerEnv))
	if len(args) != 3 {
		return
	}
	native, err := sandbox.New(sandbox.Config{Dir: args[0], Name: args[1], Shells: -1}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	bench := sandboxtest.NewBench(isolated{native.OCI(nil), "oci:runc"}, args[2])
	bench.Start(t, bench.Spec("pause")).Expect(t, "paused")
	frozen := bench.Start(t, bench.Spec("spin"))
	frozen.Expect(t, "spinning")
	if err := frozen.Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	bench.Create(t, bench.Spec("pause")) // made, not started
	fmt.Println("\nready")
	<-make(chan struct{})
}
