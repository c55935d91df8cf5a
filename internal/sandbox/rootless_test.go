package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/cgroup"
	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/internal/sandbox/sandboxtest"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/internal/userns"
)

// rootlessEnv is set for a copy of this test's program that runs as an ordinary user.
const rootlessEnv = "SLIPWAY_TEST_ROOTLESS"

// runRootless is main for such a copy, in two processes: the user's, and root of a user
// namespace.
func runRootless() {
	if os.Getenv(rootlessEnv) == "" || os.Geteuid() == 0 {
		return
	}
	status, err := userns.Run(os.Args[1:], userns.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// difference is a test of the suite that an ordinary user's sandboxes cannot pass.
type difference struct {
	test, why string
	when      func(rootless) bool
}

// rootless is how an ordinary user is placed.
type rootless struct {
	ranges bool // of ids
	can    cgroup.Abilities
}

func differences() []difference {
	always := func(rootless) bool { return true }
	oneID := func(r rootless) bool { return !r.ranges }
	ranges := func(r rootless) bool { return r.ranges }
	noMemory := func(r rootless) bool { return !r.can.Memory }
	noCPU := func(r rootless) bool { return !r.can.CPU }
	noFreezer := func(r rootless) bool { return !r.can.Freeze }
	return []difference{
		{"isolation/ids of its own", "one range of ids is all that such a user has", always},
		{"isolation/nothing in the host's table of mounts", "the first mounts of a sandbox are the host's devices: none can be made", always},
		{"root/mounts", "a folder of the user is nobody's in a sandbox: only root of the machine can map owners", ranges},
		{"process/streams", "it runs as another user", oneID},
		{"process/user", "it runs as another user", oneID},
		{"isolation/privileges", "it runs as another user", oneID},
		{"network/dial", "it runs as another user", oneID},
		{"walls/programs with privileges give none", "it runs as another user", oneID},
		{"root/folders", "it runs as another user", oneID},
		{"end/out of memory", "memory is not limited", noMemory},
		{"hogs", "memory is not limited", noMemory},
		{"limits/cpu", "cpu time is not limited", noCPU},
		{"limits/background", "all sandboxes are given cpu time alike", noCPU},
		{"control/freeze and thaw", "nothing can be frozen", noFreezer},
		{"control/close while frozen", "nothing can be frozen", noFreezer},
		{"stillness/frozen", "nothing can be frozen", noFreezer},
	}
}

// skipping is the flag that leaves out what differs.
func (r rootless) skipping() string {
	var patterns []string
	for _, d := range differences() {
		if !d.when(r) {
			continue
		}
		var parts []string
		for part := range strings.SplitSeq("TestAsUser/"+strings.ReplaceAll(d.test, " ", "_"), "/") {
			parts = append(parts, "^"+regexp.QuoteMeta(part)+"$")
		}
		patterns = append(patterns, strings.Join(parts, "/"))
	}
	return "-test.skip=" + strings.Join(patterns, "|")
}

// TestRootless runs the suite as an ordinary user, but for what differs.
func TestRootless(t *testing.T) {
	t.Run("one id", func(t *testing.T) {
		runAs(t, testenv.OrdinaryUser(t, false), rootless{}, nil)
	})
	t.Run("ranges of ids", func(t *testing.T) {
		testenv.Require(t, "newuidmap")
		runAs(t, testenv.OrdinaryUser(t, true), rootless{ranges: true}, nil)
	})
	t.Run("control group", func(t *testing.T) {
		u := testenv.OrdinaryUser(t, false)
		group, controllers := testenv.DelegatedGroup(t, u)
		if group == nil {
			return // this machine has control groups of version 1 only, which cannot be given to a user
		}
		has := func(name string) bool { return slices.Contains(controllers, name) }
		can := cgroup.Abilities{Memory: has("memory"), CPU: has("cpu"), PIDs: has("pids"), Freeze: true, Groups: true}
		runAs(t, u, rootless{can: can}, group)
	})
}

// runAs runs the suite as an ordinary user, in a control group when that is not nil.
func runAs(t *testing.T, u *testenv.User, r rootless, group *os.File) {
	t.Helper()
	payload, err := os.ReadFile(filepath.Join(sandboxtest.Image(t), "payload"))
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(u.Home, "payload")
	if err := os.WriteFile(program, payload, 0o755); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.Command("/proc/self/exe", "-test.v", "-test.run=^TestAsUser$", r.skipping())
	cmd.Env = []string{rootlessEnv + "=yes", "SANDBOXTEST_PAYLOAD=" + program}
	cmd.Stdout, cmd.Stderr = &out, &out
	if group != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd())}
	}
	if err := u.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "--- PASS: TestAsUser") {
		t.Errorf("%v\n%s", err, &out)
	}
}

// TestAsUser is run by TestRootless, in a process of its own.
func TestAsUser(t *testing.T) {
	ids, err := userns.Current()
	if err != nil {
		t.Fatal(err)
	}
	if ids.Machine {
		return
	}
	groups, err := cgroup.Delegated()
	t.Logf("%d ids; control groups: %s; %v", ids.Count, groups, err)
	cfg := sandbox.Config{Rootless: &sandbox.Rootless{IDs: ids.Count, Groups: ids.Groups, Cgroups: groups}}
	n := 3000
	sandboxtest.Run(t, func(t *testing.T) slipway.Launcher {
		n++
		return owning{newNativeOf(t, n, cfg), cfg.Rootless}
	})
}

// owning gives layers to the ids of sandboxes, as the packager does.
type owning struct {
	slipway.Launcher
	rootless *sandbox.Rootless
}

func (l owning) Create(ctx context.Context, spec slipway.SandboxSpec) (slipway.Sandbox, error) {
	first, _ := l.rootless.Sandboxes()
	for _, layer := range spec.Layers {
		err := filepath.WalkDir(layer, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, first, first)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // what is not there is for the launcher to find
			return nil, err
		}
	}
	return l.Launcher.Create(ctx, spec)
}
