package guest

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Start is the program to execute. With it travels a file for each stream that is
// true; the others are /dev/null.
type Start struct {
	Stdin, Stdout, Stderr bool

	Candidates []string // files to try, in order; at least one
	Args, Env  []string
	Dir        string // working directory
	Identity   Identity
	Rlimits    []Rlimit
	Caps       uint64 // what root holds; one bit per capability
	OneID      bool   // as in Setup
}

// Rlimit is one of setrlimit(2).
type Rlimit struct {
	Resource   int
	Soft, Hard uint64
}

// Program turns the process into the user's. What needs a privilege comes before the
// privilege goes. It must not need what the filter of [Seal] forbids.
//
// There are two replies. The first is a call of the program, just before execve(2),
// which closes the socket when it succeeds: an end of the connection without it is a
// crash. The second comes when no candidate could be executed.
func (s Start) Program() *Program {
	files := 0
	for _, given := range s.streams() {
		if given {
			files++
		}
	}
	p := newProgram(files)
	p.userCall("enter working directory "+s.Dir, unix.SYS_CHDIR, s.Dir)
	s.setStreams(p)
	for _, l := range s.Rlimits {
		limit := unix.Rlimit{Cur: l.Soft, Max: l.Hard}
		p.call(fmt.Sprintf("set resource limit %d to %d", l.Resource, l.Hard), unix.SYS_PRLIMIT64, 0, l.Resource, bytesOf(&limit, 1), 0)
	}
	s.setIdentity(p)
	dieWithHost(p)
	p.call("close files", unix.SYS_CLOSE_RANGE, Socket, ^uintptr(0), unix.CLOSE_RANGE_CLOEXEC)
	ready := Reply{At: uint32(len(p.calls))}
	p.call("reply", unix.SYS_WRITE, Socket, bytesOf(&ready, 1), ReplySize).want = int64(ReplySize)
	p.call("unblock signals", unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, make([]byte, 8), 0, 8)
	s.exec(p)
	return p
}

func (s Start) streams() [3]bool { return [3]bool{s.Stdin, s.Stdout, s.Stderr} }

// setStreams puts the streams where they belong.
func (s Start) setStreams(p *Program) {
	next := p.firstFile
	null := -1
	if s.streams() != [3]bool{true, true, true} {
		null, _ = p.open("open /dev/null", unix.SYS_OPENAT, unix.AT_FDCWD, "/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	}
	for stream, given := range s.streams() {
		f := null
		if given {
			f = next
			next++
		}
		p.call("set standard streams", unix.SYS_DUP3, f, stream, 0)
	}
}

// setIdentity becomes the user. The bounding set is what a shell has; root holds no
// more of it than Caps, and nothing to inherit: ambient and inheritable capabilities
// are how a process that is not root would get some back. A user other than root loses
// them all at execve(2).
func (s Start) setIdentity(p *Program) {
	groups := make([]uint32, len(s.Identity.Groups)+1) // never empty, so that it has an address
	for i, g := range s.Identity.Groups {
		groups[i] = uint32(g)
	}
	gid, uid := s.Identity.GID, s.Identity.UID
	if !s.OneID {
		p.userCall("set supplementary groups", unix.SYS_SETGROUPS, len(s.Identity.Groups), bytesOf(&groups[0], len(groups)))
	}
	p.userCall(fmt.Sprintf("set group to %d", gid), unix.SYS_SETRESGID, gid, gid, gid)
	p.userCall(fmt.Sprintf("set user to %d", uid), unix.SYS_SETRESUID, uid, uid, uid)
	if uid == 0 {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		low, high := uint32(s.Caps), uint32(s.Caps>>32)
		data := [2]unix.CapUserData{{Effective: low, Permitted: low}, {Effective: high, Permitted: high}}
		p.call("set capabilities", unix.SYS_CAPSET, bytesOf(&header, 1), bytesOf(&data[0], 2))
	}
}

// exec tries the candidates as execvp(3) does.
func (s Start) exec(p *Program) {
	name := "exec " + s.Args[0]
	args, env := p.placeStrings(s.Args), p.placeStrings(s.Env)
	for _, file := range s.Candidates {
		c := p.userCall(name, unix.SYS_EXECVE, file, args, env)
		if len(s.Candidates) > 1 {
			c.tolerate(0, unix.ENOENT, unix.ENOTDIR, unix.EACCES)
		}
	}
}

// DefaultPath is what execvp(3) would search without PATH, with the places of
// administrators' programs.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Candidates are the files that a program's name can mean.
func Candidates(name, path string) (files []string) {
	if strings.Contains(name, "/") {
		return []string{name}
	}
	for dir := range strings.SplitSeq(path, ":") {
		if dir == "" {
			dir = "."
		}
		files = append(files, dir+"/"+name)
	}
	return files
}
