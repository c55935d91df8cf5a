package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/testenv"
)

// ordinary is an ordinary user who runs slipway.
type ordinary struct {
	*testenv.User
	data  string
	group *os.File // nil: the machine's own
}

// TestRootless has ordinary users serve: deploy, answer, be killed, start again, end.
func TestRootless(t *testing.T) {
	t.Run("one id", func(t *testing.T) {
		u := newOrdinary(t, false)
		u.check(t, []string{"go-http"},
			"memory and cpu of instances are not limited", "instances have one user id", "/etc/subuid has no line for ordinary",
			"usermod --add-subuids", "systemd-run --user", "instances and builds cannot reach the outside")
	})
	t.Run("ranges of ids", func(t *testing.T) {
		testenv.Require(t, "newuidmap")
		u := newOrdinary(t, true)
		u.group, _ = testenv.DelegatedGroup(t, u.User)
		u.check(t, []string{"go-http", "shell-stdio", "python-handler"}, "all instances have the same user ids", "instances and builds cannot reach the outside")
	})
}

// newOrdinary makes a user who has copies of the caches of this machine's root, so that
// nothing is fetched and compiled that was before.
func newOrdinary(t *testing.T, ranges bool) *ordinary {
	t.Helper()
	u := testenv.OrdinaryUser(t, ranges)
	cache := filepath.Join(u.Home, ".cache", "slipway")
	if err := os.MkdirAll(filepath.Join(cache, "bases"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"go", "bases/python-*", "bases/shell-*"} {
		found, err := filepath.Glob(filepath.Join(defaultCacheDir(), part))
		if err != nil {
			t.Fatal(err)
		}
		for _, from := range found {
			if out, err := exec.Command("cp", "-r", from, filepath.Join(cache, filepath.Dir(part))).CombinedOutput(); err != nil {
				t.Fatalf("copy %s: %v\n%s", from, err, out)
			}
		}
	}
	err := filepath.WalkDir(u.Home, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, u.ID, u.ID)
	})
	if err != nil {
		t.Fatal(err)
	}
	return &ordinary{User: u, data: filepath.Join(u.Home, ".local", "share", "slipway")}
}

// slipway starts it as the user.
func (u *ordinary) slipway(t *testing.T, args ...string) *process {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = "slipway"
	if u.group != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(u.group.Fd())}
	}
	return startCommand(t, cmd, u.Start)
}

// check has the user serve examples. The server says what it lacks.
func (u *ordinary) check(t *testing.T, examples []string, lacks ...string) {
	address := freeAddress(t)
	first := u.slipway(t, "serve", "--listen", address)
	p := &platform{t: t, url: first.await("Slipway is ready at "), data: u.data}
	p.key = adminKey(t, u.data)
	for _, lack := range lacks {
		if !strings.Contains(first.log.String(), lack) {
			t.Errorf("the start does not say %q:\n%s", lack, first.log)
		}
	}
	for _, name := range examples {
		p.deploy("../../examples/"+name, name)
		res, body := p.event("POST", "/fn/"+name+"/", `{"name":"Ada"}`)
		checkAnswer(t, res, body, "Hello")
	}
	p.checkJob()

	u.checkDoctor(t)

	first.end(syscall.SIGKILL)
	u.awaitNoProcess(t)
	second := u.slipway(t, "serve", "--listen", address)
	second.await("Slipway is ready at ")
	for _, name := range examples {
		res, body := p.event("POST", "/fn/"+name+"/", `{"name":"Ada"}`)
		checkAnswer(t, res, body, "Hello")
	}
	if status := second.end(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d after SIGTERM:\n%s", status, second.log)
	}
	u.awaitNoProcess(t)
	if left := ownedBy(t, u.data); !left.empty() {
		t.Errorf("after stopping in order there is still %+v", left)
	}
}

// checkDoctor has the user ask what a server can do here.
func (u *ordinary) checkDoctor(t *testing.T) {
	t.Helper()
	doctor := u.slipway(t, "doctor", "-o", "json")
	var out strings.Builder
	for line := range doctor.lines {
		out.WriteString(line)
	}
	var r report
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		t.Fatalf("%v in %q", err, &out)
	}
	if status := doctor.end(0); status != 0 || !r.OK {
		t.Errorf("exit status %d, %+v", status, r)
	}
	for _, c := range r.Checks {
		want := map[string]string{"user": "ordinary, an ordinary user", "egress": "cannot reach the outside", "user namespaces": "they can be made"}[c.Name]
		if !strings.Contains(c.Found, want) {
			t.Errorf("the check %s says %q, want %q", c.Name, c.Found, want)
		}
	}
}

// TestWithoutUserNamespaces has a user serve where the kernel makes none, which is so for
// whoever has another root directory than its mount namespace (clone(2)).
func TestWithoutUserNamespaces(t *testing.T) {
	testenv.Root(t)
	testenv.Require(t, "unshare")
	testenv.Require(t, "chroot")
	home := testenv.OrdinaryUser(t, false).Home
	if err := errors.Join(os.Chmod(home, 0o755), os.Mkdir(filepath.Join(home, "root"), 0o755), copyProgram(filepath.Join(home, "slipway"))); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"serve":                   "'slipway doctor' says how to mend it",
		"doctor --data /nowhere/": "allow clone and unshare of user namespaces",
	} {
		script := "mount --rbind / $0/root && exec chroot --userspec=1000:1000 $0/root $0/slipway " + args
		out, err := exec.Command("unshare", "--mount", "/bin/sh", "-c", script, home).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), want) {
			t.Errorf("slipway %s: %v, it does not say %q:\n%s", args, err, want, out)
		}
	}
}

// copyProgram copies this program to where others may execute it.
func copyProgram(to string) error {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	return os.WriteFile(to, program, 0o755)
}

// awaitNoProcess waits until no process has the user's id, or one of its ranges.
func (u *ordinary) awaitNoProcess(t *testing.T) {
	t.Helper()
	testenv.Eventually(t, 10*time.Second, func() error {
		files, err := filepath.Glob("/proc/[0-9]*/status")
		if err != nil {
			return err
		}
		for _, file := range files {
			status, err := os.ReadFile(file)
			if err != nil {
				continue // it has ended
			}
			_, after, _ := strings.Cut(string(status), "\nUid:\t")
			uid, err := strconv.Atoi(strings.Fields(after)[0])
			if err != nil {
				return err
			}
			if u.Owns(uid) && !strings.Contains(string(status), "State:\tZ") {
				name, _, _ := strings.Cut(string(status), "\n")
				return fmt.Errorf("there is %s, %s, of user %d", file, name, uid)
			}
		}
		return nil
	})
}
