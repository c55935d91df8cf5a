package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// execute turns the process into the user's. The order matters: what needs a
// privilege comes before the privilege goes, and the filter comes last because it
// forbids most of what comes before it.
func execute(socket int, r Root, start Start, files []int, filter []byte) error {
	if err := unix.Chdir(r.Dir); err != nil {
		return userStep("enter working directory "+r.Dir, err)
	}
	id, err := LookUp(r.User, func(name string) (io.ReadCloser, error) { return openRegular(name) })
	if err != nil {
		return userStep("look up user", err)
	}
	candidates, env, err := command(r, id)
	if err != nil {
		return err
	}
	if err := setStreams(start, files); err != nil {
		return err
	}
	if err := setRlimits(r.Rlimits); err != nil {
		return err
	}
	if err := setIdentity(id, r.Caps); err != nil {
		return err
	}
	if err := dieWithHost(); err != nil {
		return err
	}
	if err := unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return step("close files", err)
	}
	if err := reply(socket); err != nil { // an end of the connection without this is a crash
		return err
	}
	if err := setFilter(filter); err != nil {
		return err
	}
	return userStep("exec "+r.Args[0], exec(candidates, r.Args, env))
}

// openRegular opens a file of the image, but not a pipe that nobody writes to.
func openRegular(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(errors.New("not a file"), err)
	}
	return f, nil
}

// setStreams puts the streams where they belong.
func setStreams(start Start, files []int) error {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return step("open /dev/null", err)
	}
	for stream, given := range []bool{start.Stdin, start.Stdout, start.Stderr} {
		f := null
		if given {
			if len(files) == 0 {
				return step("receive start", errors.New("a file is missing"))
			}
			f, files = files[0], files[1:]
		}
		if err := unix.Dup3(f, stream, 0); err != nil {
			return step("set standard streams", err)
		}
	}
	return nil
}

func setRlimits(limits []Rlimit) error {
	for _, l := range limits {
		// syscall's, not unix's: it makes the runtime forget the limit of open files
		// that it would restore at execve(2).
		if err := syscall.Setrlimit(l.Resource, &syscall.Rlimit{Cur: l.Soft, Max: l.Hard}); err != nil {
			return step(fmt.Sprintf("set resource limit %d to %d", l.Resource, l.Hard), err)
		}
	}
	return nil
}

// setIdentity becomes the user, with no more capabilities than the list. A user other
// than root loses them all at execve(2).
func setIdentity(id Identity, caps uint64) error {
	if err := dropBounding(caps); err != nil {
		return step("drop capabilities", err)
	}
	if err := setIDs(id); err != nil {
		return err
	}
	if id.UID == 0 {
		if err := setCaps(caps); err != nil {
			return step("set capabilities", err)
		}
	}
	return step("set no_new_privs", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
}

// setIDs changes this thread alone, which is all there will be after execve(2); the
// calls of package syscall change every thread of the process.
func setIDs(id Identity) error {
	groups := make([]uint32, len(id.Groups)+1) // never empty, so that it has an address
	for i, g := range id.Groups {
		groups[i] = uint32(g)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(id.Groups)), uintptr(unsafe.Pointer(&groups[0])), 0); errno != 0 {
		return userStep("set supplementary groups", errno)
	}
	gid, uid := uintptr(id.GID), uintptr(id.UID)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, gid, gid, gid); errno != 0 {
		return userStep(fmt.Sprintf("set group to %d", gid), errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uid, uid, uid); errno != 0 {
		return userStep(fmt.Sprintf("set user to %d", uid), errno)
	}
	return nil
}

// dropBounding takes every capability out of the bounding set that is not in caps.
// The kernel's last one is where it says EINVAL.
func dropBounding(caps uint64) error {
	for c := range uintptr(64) {
		if caps&(1<<c) != 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err == unix.EINVAL {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// setCaps makes caps the permitted and effective set, and leaves nothing to inherit:
// ambient and inheritable capabilities are how a process that is not root would get
// some back.
func setCaps(caps uint64) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	low, high := uint32(caps), uint32(caps>>32)
	data := [2]unix.CapUserData{{Effective: low, Permitted: low}, {Effective: high, Permitted: high}}
	return unix.Capset(&header, &data[0])
}

// dieWithHost asks for SIGKILL when the host's thread that made this process ends.
// The host asked already, but a change of credentials takes that back. Had the host
// died in between, its end of the socket would be closed.
func dieWithHost() error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return step("ask to die with the host", err)
	}
	poll := []unix.PollFd{{Fd: Socket, Events: unix.POLLRDHUP}}
	if _, err := unix.Poll(poll, 0); err != nil {
		return step("look for the host", err)
	}
	if poll[0].Revents&(unix.POLLHUP|unix.POLLRDHUP) != 0 {
		return step("look for the host", io.EOF)
	}
	return nil
}

func setFilter(filter []byte) error {
	const instruction = int(unsafe.Sizeof(unix.SockFilter{}))
	if len(filter) == 0 {
		return nil
	}
	program := unix.SockFprog{Len: uint16(len(filter) / instruction), Filter: (*unix.SockFilter)(unsafe.Pointer(&filter[0]))}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return step("load seccomp filter", errno)
	}
	return nil
}

// defaultPath is what execvp(3) would search without PATH, with the places of
// administrators' programs.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// command gives the files to try, in order, and the environment, to which HOME and
// PATH are added when they are missing.
func command(r Root, id Identity) (candidates, env []string, err error) {
	if len(r.Args) == 0 || r.Args[0] == "" {
		return nil, nil, userStep("exec", errors.New("no program is named: the image has no entrypoint and the configuration no command"))
	}
	env = slices.Clone(r.Env)
	path, ok := variable(env, "PATH")
	if !ok {
		path, env = defaultPath, append(env, "PATH="+defaultPath)
	}
	if _, ok := variable(env, "HOME"); !ok {
		env = append(env, "HOME="+id.Home)
	}
	if strings.Contains(r.Args[0], "/") {
		return []string{r.Args[0]}, env, nil
	}
	for dir := range strings.SplitSeq(path, ":") {
		if dir == "" {
			dir = "."
		}
		candidates = append(candidates, dir+"/"+r.Args[0])
	}
	return candidates, env, nil
}

// variable finds the value that counts: the last.
func variable(env []string, name string) (string, bool) {
	for _, e := range slices.Backward(env) {
		if k, v, ok := strings.Cut(e, "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}

// exec tries the candidates as execvp(3) does. It returns only with an error, which
// says what a person needs to know beyond the kernel's word.
func exec(candidates, args, env []string) error {
	var denied error
	for _, file := range candidates {
		err := syscall.Exec(file, args, env)
		switch err {
		case syscall.ENOENT, syscall.ENOTDIR:
			if _, statErr := os.Stat(file); statErr == nil {
				return fmt.Errorf("%w: %s is there, but not the loader or interpreter it names", err, file)
			}
		case syscall.EACCES:
			denied = err
		case syscall.ENOEXEC:
			return fmt.Errorf("%w: %s is not a program for this machine's processor, or a script without a #! line", err, file)
		default:
			return err
		}
	}
	if denied != nil {
		return denied
	}
	if len(candidates) > 1 {
		return fmt.Errorf("%w in any folder of PATH", syscall.ENOENT)
	}
	return syscall.ENOENT
}
