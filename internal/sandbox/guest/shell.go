package guest

import (
	"encoding/binary"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Setup is what all shells have in common.
type Setup struct {
	OOMScoreAdj int               // oom_score_adj(5) of everything in the sandbox
	Sysctl      map[string]string // by path below /proc/sys
	Masked      []Mask
	ReadOnly    []string // paths of /proc and /sys that cannot be written
	Caps        uint64   // bounding set; one bit per capability
	LastCap     int      // the highest that this kernel knows
	Groups      int      // control groups of version 1 to join
	Devices     []string // paths of the host's devices to keep, see Root; none where they can be made
	OneID       bool     // the namespace has one id: there are no groups to choose from
}

// Mask is a path of /proc or /sys that is hidden; it exists.
type Mask struct {
	Path string
	Dir  bool // a folder; else a file
}

// pts is the number of the file that a program of Setup leaves open: a devpts that is
// not attached yet, because the folder for it comes with the root.
const pts = Socket + 1

// deviceFiles are the numbers of the files that it leaves open for n devices: clones of
// their mounts.
func deviceFiles(n int) []int {
	files := make([]int, n)
	for i := range files {
		files[i] = pts + 1 + i
	}
	return files
}

// Program makes a process that was just cloned the init of a blank sandbox: it has
// everything that does not depend on what will run in it. The namespaces exist already
// but for the cgroup's, which must come after the process joined its groups: the
// namespace's root is the group its maker is in. Ids are mapped already.
//
// The host's tree is let go here, and what remains is a folder in memory with /proc and
// /sys, which move into the root later. The kernel allows new ones only while the old
// ones can be seen whole, so this cannot wait until the host's tree is gone.
//
// With the program travels a file for each of Groups, to join it with.
func (s Setup) Program() *Program {
	p := newProgram(s.Groups)
	s.becomeRoot(p)
	for i := range s.Groups {
		p.call("join control group", unix.SYS_WRITE, p.firstFile+i, "0", 1)
		p.close(p.firstFile + i)
	}
	p.call("enter cgroup namespace", unix.SYS_UNSHARE, unix.CLONE_NEWCGROUP)
	p.call("leave the host's keyring", unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0).tolerate(0, unix.ENOSYS)
	p.call("make mounts private", unix.SYS_MOUNT, "", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	for i, to := range deviceFiles(len(s.Devices)) {
		tree, _ := p.open("keep "+s.Devices[i], unix.SYS_OPEN_TREE, unix.AT_FDCWD, s.Devices[i], unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		p.move(tree, to)
	}
	loopbackUp(p)
	mountOver(p, "proc", "/proc", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	s.writeSettings(p)
	mountOver(p, "sysfs", "/sys", unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	s.protect(p)
	leaveHost(p)
	terminals := []string{"ptmxmode", "0666", "mode", "0620"}
	if !s.OneID {
		terminals = append(terminals, "gid", "5")
	}
	devpts := fsmount(p, "mount /dev/pts", "devpts", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC, terminals...)
	p.move(devpts, pts)
	for c := range s.LastCap + 1 {
		if s.Caps&(1<<c) == 0 {
			p.call("drop capabilities", unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		}
	}
	return p
}

// becomeRoot makes the process root of its user namespace, in a session of its own,
// that dies with the host's thread whose child it is. A change of ids makes the kernel
// take a process for one that hides something; PR_SET_DUMPABLE gives it its own files
// in /proc back.
func (s Setup) becomeRoot(p *Program) {
	if !s.OneID {
		p.call("set supplementary groups", unix.SYS_SETGROUPS, 0, 0)
	}
	p.call("become root", unix.SYS_SETRESGID, 0, 0, 0)
	p.call("become root", unix.SYS_SETRESUID, 0, 0, 0)
	p.call("own /proc/self", unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
	p.call("set name", unix.SYS_PRCTL, unix.PR_SET_NAME, "slipway-shell", 0, 0, 0)
	p.call("make session", unix.SYS_SETSID)
	p.call("set umask", unix.SYS_UMASK, 0o022)
	dieWithHost(p)
}

// dieWithHost asks for SIGKILL when the host's thread that made this process ends. Had
// the host died before, its end of the socket would be closed.
func dieWithHost(p *Program) {
	p.call("ask to die with the host", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, int(unix.SIGKILL), 0, 0, 0)
	socket := unix.PollFd{Fd: Socket, Events: unix.POLLRDHUP}
	p.call("look for the host", unix.SYS_PPOLL, bytesOf(&socket, 1), 1, make([]byte, 16), 0, 0).want = 0
}

// loopbackUp is what "ip link set lo up" does (netdevice(7)).
func loopbackUp(p *Program) {
	const name = "bring loopback up"
	s, _ := p.open(name, unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	request := make([]byte, 40) // struct ifreq
	copy(request, "lo")
	binary.NativeEndian.PutUint16(request[unix.IFNAMSIZ:], unix.IFF_UP|unix.IFF_RUNNING)
	p.call(name, unix.SYS_IOCTL, s, unix.SIOCSIFFLAGS, request)
	p.close(s)
}

// writeSettings writes below /proc while it can still be written.
func (s Setup) writeSettings(p *Program) {
	writeFile(p, "set oom_score_adj", "/proc/self/oom_score_adj", strconv.Itoa(s.OOMScoreAdj))
	for name, value := range s.Sysctl {
		writeFile(p, "set "+name, "/proc/sys/"+name, value).tolerate(2, unix.ENOENT)
	}
}

// writeFile gives the call that opens the file; the two after it depend on it.
func writeFile(p *Program, name, path, value string) *call {
	opened := len(p.calls)
	fd, _ := p.open(name, unix.SYS_OPENAT, unix.AT_FDCWD, path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	p.call(name, unix.SYS_WRITE, fd, value, len(value))
	p.close(fd)
	return &p.calls[opened]
}

// protect hides what the host would tell about itself. An empty folder is laid over a
// folder and /dev/null over a file; a read-only view of a path over the path itself. A
// path that this kernel does not have needs no protection.
//
// The first folder gets the empty one itself and the others its clones: before Linux
// 6.15 there is no cloning of what is not attached.
func (s Setup) protect(p *Program) {
	empty := fsmount(p, "make an empty folder", "tmpfs", unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC,
		"size", "4k", "nr_inodes", "1", "mode", "0555")
	masked := ""
	for _, m := range s.Masked {
		name, source := "mask "+m.Path, "/dev/null"
		if m.Dir && masked == "" {
			attach(p, name, empty, m.Path)
			masked = m.Path
			continue
		}
		if m.Dir {
			source = masked
		}
		tree, _ := p.open(name, unix.SYS_OPEN_TREE, unix.AT_FDCWD, source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		attach(p, name, tree, m.Path)
		p.close(tree)
	}
	p.close(empty)
	readOnly := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	for _, path := range s.ReadOnly {
		name := "make " + path + " read-only"
		opened := len(p.calls)
		tree, _ := p.open(name, unix.SYS_OPEN_TREE, unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
		p.call(name, unix.SYS_MOUNT_SETATTR, tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, bytesOf(&readOnly, 1), int(unsafe.Sizeof(readOnly)))
		attach(p, name, tree, path)
		p.close(tree)
		p.calls[opened].tolerate(3, unix.ENOENT)
	}
}

// stage is where trees are put together: a folder that every host has and that a
// sandbox has no more use for. Only this mount namespace sees what is mounted there.
const stage = "/dev"

// leaveHost exchanges the host's tree for a folder in memory that has places for the
// mounts that are kept, and for the root.
func leaveHost(p *Program) {
	mountOver(p, "tmpfs", stage, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	for _, dir := range []string{"/proc", "/sys", rootPlace} {
		p.call("make "+dir, unix.SYS_MKDIRAT, unix.AT_FDCWD, stage+dir, 0o755)
	}
	moveSystem(p, stage)
	pivot(p, stage)
}

// moveSystem moves /proc and /sys below another folder.
func moveSystem(p *Program, below string) {
	for _, dir := range []string{"/proc", "/sys"} {
		p.call("move "+dir, unix.SYS_MOVE_MOUNT, unix.AT_FDCWD, dir, unix.AT_FDCWD, below+dir, 0)
	}
}

// pivot makes a folder the root. With "." for both names the old root ends up on top
// of the new one, from where it is taken away (pivot_root(2)).
func pivot(p *Program, dir string) {
	p.call("enter "+dir, unix.SYS_CHDIR, dir)
	p.call("pivot_root", unix.SYS_PIVOT_ROOT, ".", ".")
	p.call("detach the old root", unix.SYS_UMOUNT2, ".", unix.MNT_DETACH)
	p.call("enter root", unix.SYS_CHDIR, "/")
}

// mountOver mounts a new filesystem of a type on a folder.
func mountOver(p *Program, fstype, target string, attr int) {
	m := fsmount(p, "mount "+target, fstype, attr)
	attach(p, "mount "+target, m, target)
	p.close(m)
}

// fsmount makes a mount that is not attached; options come in pairs, key and value.
func fsmount(p *Program, name, fstype string, attr int, options ...string) int {
	f, _ := p.open(name, unix.SYS_FSOPEN, fstype, unix.FSOPEN_CLOEXEC)
	for i := 0; i+1 < len(options); i += 2 {
		p.call(name, unix.SYS_FSCONFIG, f, unix.FSCONFIG_SET_STRING, options[i], options[i+1], 0)
	}
	p.call(name, unix.SYS_FSCONFIG, f, unix.FSCONFIG_CMD_CREATE, 0, 0, 0)
	m, _ := p.open(name, unix.SYS_FSMOUNT, f, unix.FSMOUNT_CLOEXEC, attr)
	p.close(f)
	return m
}

// attach mounts a detached mount.
func attach(p *Program, name string, mount int, target string) {
	p.call(name, unix.SYS_MOVE_MOUNT, mount, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH)
}
