package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func checkUser(context.Context) finding {
	if os.Geteuid() == 0 {
		return fine("root")
	}
	return failure("mend user namespaces below, or run it as root: sudo slipway serve. A gateway without instances (slipway gateway) needs neither",
		"an ordinary user (id %d), who cannot be root of a user namespace", os.Geteuid())
}

// checkKernel names the kernel; the other checks find out what it can do.
func checkKernel(context.Context) finding {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return failure("", "its name cannot be read: %v", err)
	}
	return fine("Linux %s, %s, %d processors", unix.ByteSliceToString(name.Release[:]), runtime.GOARCH, runtime.NumCPU())
}

// checkMountAPI makes a filesystem that is mounted nowhere, as every instance's root.
func checkMountAPI(context.Context) finding {
	mount, err := detached("tmpfs", map[string]string{"size": "4096"})
	if err != nil {
		return failure("use Linux 5.19 or later; in a container, allow fsopen, fsmount, move_mount and open_tree", "a detached mount cannot be made: %v", err)
	}
	unix.Close(mount)
	return fine("detached mounts can be made")
}

// detached makes a filesystem by fsopen(2), not mounted anywhere.
func detached(kind string, options map[string]string) (int, error) {
	fs, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("fsopen %s: %w", kind, err)
	}
	defer unix.Close(fs)
	for key, value := range options {
		if err := setOption(fs, key, value); err != nil {
			return -1, fmt.Errorf("%s with %s=%s: %w", kind, key, value, err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, fmt.Errorf("make the %s: %w", kind, err)
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("fsmount: %w", err)
	}
	return mount, nil
}

// setOption sets one; without a value it is a flag.
func setOption(fs int, key, value string) error {
	if value == "" {
		return unix.FsconfigSetFlag(fs, key)
	}
	return unix.FsconfigSetString(fs, key, value)
}

// leastNamespaces is the limit below which the number of instances suffers.
const leastNamespaces = 1000

func (d *doctor) checkUserNamespaces(context.Context) finding {
	if err := d.withUserNamespace(func(*os.File) error { return nil }); err != nil {
		return failure(mendUserNamespaces(), "none can be made: %v", err)
	}
	if d.here != nil { // its own limit says nothing about those of the machine
		return fine("they can be made")
	}
	limit, err := number("/proc/sys/user/max_user_namespaces")
	if err != nil {
		return warning("", "they can be made; how many cannot be read: %v", err)
	}
	if limit < leastNamespaces {
		return warning("sysctl -w user.max_user_namespaces=100000", "they can be made, but %d at most: every instance needs one", limit)
	}
	return fine("they can be made, up to %d", limit)
}

// mendUserNamespaces names the settings that are in the way.
func mendUserNamespaces() string {
	var mends []string
	for _, s := range []struct {
		file string
		bad  int
		mend string
	}{
		{"/proc/sys/user/max_user_namespaces", 0, "sysctl -w user.max_user_namespaces=100000"},
		{"/proc/sys/kernel/unprivileged_userns_clone", 0, "sysctl -w kernel.unprivileged_userns_clone=1"},
		{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 1, "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give this program an AppArmor profile with the rule userns"},
	} {
		if is, err := number(s.file); err == nil && is == s.bad {
			mends = append(mends, s.mend)
		}
	}
	if len(mends) == 0 {
		return "no setting of this kernel is in the way: in a container, allow clone and unshare of user namespaces (its seccomp profile)"
	}
	return strings.Join(mends, "; ")
}

// withUserNamespace calls f with a user namespace in which ids from 0 are firstID and
// following on the host. The namespace is that of a process which is stopped before
// its first instruction, by being traced.
func (d *doctor) withUserNamespace(f func(userns *os.File) error) error {
	runtime.LockOSThread() // the tracer of a process is a thread
	defer runtime.UnlockOSThread()
	holder := exec.Command("/proc/self/exe")
	holder.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER, Ptrace: true, Pdeathsig: syscall.SIGKILL,
		UidMappings: d.idMapping(os.Geteuid()), GidMappings: d.idMapping(os.Getegid()),
	}
	if err := holder.Start(); err != nil {
		return err
	}
	defer func() {
		_ = holder.Process.Kill()
		_ = holder.Wait() // it was killed: there is nothing to learn
	}()
	userns, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", holder.Process.Pid))
	if err != nil {
		return err
	}
	defer userns.Close()
	return f(userns)
}

// idMapping is what root of the machine may map, or the one id that others may.
func (d *doctor) idMapping(own int) []syscall.SysProcIDMap {
	if os.Geteuid() == 0 && d.here == nil {
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: firstID, Size: 1 << 16}}
	}
	return []syscall.SysProcIDMap{{ContainerID: 0, HostID: own, Size: 1}}
}

// checkSeccomp asks the kernel for the action that the profile is made of.
func checkSeccomp(context.Context) finding {
	action := uint32(unix.SECCOMP_RET_ERRNO)
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	if errno != 0 {
		return failure("use a kernel with CONFIG_SECCOMP_FILTER", "filters are not there: %v", errno)
	}
	return fine("filters can be loaded")
}

// number reads a file of /proc that holds one.
func number(file string) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// reason is the innermost cause, for a sentence that has named the step itself.
func reason(err error) error {
	if errno := unix.Errno(0); errors.As(err, &errno) {
		return errno
	}
	return err
}
