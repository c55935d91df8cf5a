package guest

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Root is the root filesystem, and what is mounted in it. With its program travel the
// files root, dev, shm and one for each of Mounts, all of them detached mounts
// (fsmount(2), open_tree(2)).
type Root struct {
	Hostname string
	Mounts   []Mount
	Devices  []string // what Setup kept, as it was told
	Dir      string   // working directory, made when it is missing
}

// Mount is where a mount of the host goes.
type Mount struct {
	Target string
	Dir    bool // a folder; else a file
}

// rootPlace is the folder of a blank sandbox where its root is put together.
const rootPlace = "/root"

// Program makes the first of the files the root of the process, with dev, shm, /proc,
// /sys and the mounts where they belong. A link in the image can lead the target of a
// mount elsewhere, but not out of the root: there is nothing else any more.
func (r Root) Program() *Program {
	devices := deviceFiles(len(r.Devices))
	p := newProgram(3+len(r.Mounts), append(devices, pts)...)
	root, dev, shm := p.firstFile, p.firstFile+1, p.firstFile+2
	attach(p, "attach root", root, rootPlace)
	attach(p, "attach /dev", dev, rootPlace+"/dev")
	for i, device := range devices {
		attach(p, "attach "+r.Devices[i], device, rootPlace+r.Devices[i])
	}
	attach(p, "attach /dev/shm", shm, rootPlace+"/dev/shm")
	attach(p, "attach /dev/pts", pts, rootPlace+"/dev/pts")
	moveSystem(p, rootPlace)
	cover(p, rootPlace)
	for i, m := range r.Mounts {
		r.addMount(p, m, p.firstFile+3+i)
	}
	p.call("close files", unix.SYS_CLOSE_RANGE, Socket+1, ^uintptr(0), 0)
	p.call("set hostname", unix.SYS_SETHOSTNAME, r.Hostname, len(r.Hostname))
	makeDirs(p, "make working directory "+r.Dir, r.Dir)
	return p
}

// cover makes a mount the root, on top of the old one, as switch_root(8) does. The old
// one is the empty folder of a blank sandbox. It stays below, out of reach, because the
// kernel stops all processors to take a mount away (expedited RCU): milliseconds on a
// busy machine. The root of the namespace is what lies on top, so that nobody is
// in a chroot(2) that could be left.
func cover(p *Program, place string) {
	p.call("enter "+place, unix.SYS_CHDIR, place)
	p.call("cover the old root", unix.SYS_MOVE_MOUNT, unix.AT_FDCWD, ".", unix.AT_FDCWD, "/", 0)
	p.call("enter root", unix.SYS_CHROOT, ".")
}

func (r Root) addMount(p *Program, m Mount, tree int) {
	name := "mount " + m.Target
	if m.Dir {
		makeDirs(p, name, m.Target)
	} else {
		makeDirs(p, name, path.Dir(m.Target))
		p.userCall(name, unix.SYS_OPENAT, unix.AT_FDCWD, m.Target, unix.O_CREAT|unix.O_RDONLY|unix.O_CLOEXEC, 0o644)
	}
	attach(p, name, tree, m.Target)
	p.steps[len(p.steps)-1].user = true
}

// makeDirs makes a folder and those above it that are missing.
func makeDirs(p *Program, name, dir string) {
	for i := range dir {
		if i > 0 && dir[i] == '/' {
			p.userCall(name, unix.SYS_MKDIRAT, unix.AT_FDCWD, dir[:i], 0o755).tolerate(0, unix.EEXIST)
		}
	}
	if strings.Trim(dir, "/") != "" {
		p.userCall(name, unix.SYS_MKDIRAT, unix.AT_FDCWD, dir, 0o755).tolerate(0, unix.EEXIST)
	}
}
