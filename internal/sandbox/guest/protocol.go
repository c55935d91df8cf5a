package guest

import "syscall"

// Name is argv[0] of a process that is to become a sandbox's init, and Socket its
// end of the connection to the host.
const (
	Name   = "slipway-init"
	Socket = 3
)

// Setup is the host's first message: what all sandboxes have in common.
type Setup struct {
	OOMScoreAdj int               // oom_score_adj(5) of everything in the sandbox
	Sysctl      map[string]string // by path below /proc/sys
	Masked      []string          // hidden paths of /proc and /sys
	ReadOnly    []string          // paths of /proc and /sys that cannot be written
	Filter      []byte            // seccomp program, as an array of struct sock_filter
}

// Root is the second message: the root filesystem and the process to come. With it
// travel the files root, dev, shm and one for each of Mounts, all of them detached
// mounts (fsmount(2), open_tree(2)).
type Root struct {
	Hostname string
	Mounts   []Mount

	Args    []string
	Env     []string
	Dir     string
	User    string // user[:group]
	Rlimits []Rlimit
	Caps    uint64 // bounding set, and what root holds; one bit per capability
}

// Mount is where a mount of the host goes.
type Mount struct {
	Target string
	Dir    bool // a folder; else a file
}

// Rlimit is one of setrlimit(2).
type Rlimit struct {
	Resource   int
	Soft, Hard uint64
}

// Start is the third message: execute. With it travels a file for each stream that
// is true; the others are /dev/null.
type Start struct {
	Stdin, Stdout, Stderr bool
}

// Reply answers a message. The one to Start comes just before execve(2), which closes
// the socket when it succeeds; when it does not, a second reply says why.
type Reply struct {
	Failure *Failure
}

// Failure is the step that went wrong.
type Failure struct {
	Step  string // "mount /proc"
	Errno int    // 0 when the kernel was not asked
	Text  string // for a person
	User  bool   // the image or its configuration is wrong, not the platform
}

// Cause is the kernel's word, nil when there is none.
func (f *Failure) Cause() error {
	if f.Errno == 0 {
		return nil
	}
	return syscall.Errno(f.Errno)
}

func (f *Failure) Error() string { return f.Step + ": " + f.Text }
