package slipway

import (
	"context"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// Launcher makes sandboxes. Implementations are of internal/sandbox: the native runtime,
// and another one that has an OCI runtime's binary execute the process.
type Launcher interface {
	// Create makes a sandbox whose namespaces, cgroup, network and root filesystem
	// exist, and whose process waits to be started. On an error nothing is left.
	Create(ctx context.Context, spec SandboxSpec) (Sandbox, error)
}

// Sandbox is one process tree with namespaces, a cgroup, a root filesystem and a
// network of its own. Its methods may be called from several goroutines.
type Sandbox interface {
	// ID is the spec's.
	ID() string
	// Start executes the process. It may be called once; after an error the sandbox
	// can only be closed. The files of io are duplicated: the caller closes its own.
	// The error says which step went wrong ("exec /app: no such file or directory").
	Start(ctx context.Context, io Stdio) error
	// Dial connects inside the sandbox's network namespace: tcp or unix.
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	// Await connects to a port of the loopback inside, 127.0.0.1 or ::1, as soon as
	// something listens on it, or returns ctx's cause when ctx ends before. It notices
	// within a fraction of a millisecond when the process has just been started.
	Await(ctx context.Context, port uint16) (net.Conn, error)
	// Listen listens inside the sandbox's network namespace; it works before Start.
	Listen(ctx context.Context, network, address string) (net.Listener, error)
	// Signal sends sig to the process that Start executed. Nothing happens when it
	// has ended.
	Signal(sig syscall.Signal) error
	// ReadsStdin says whether a process of the sandbox is blocked now in reading
	// its standard input.
	ReadsStdin() bool
	// Freeze stops every process until Thaw; both are idempotent.
	Freeze(ctx context.Context) error
	Thaw(ctx context.Context) error
	// Reclaim moves memory of its processes to swap, as far as the machine has some, and
	// says how many bytes it gave back: 0 without swap. It is meant for a frozen sandbox.
	Reclaim(ctx context.Context) (int64, error)
	// Usage is what the cgroup has counted until now; after Done, until its end.
	Usage() (Usage, error)
	// Done is closed when the process has ended and everything it printed can be
	// read from its pipes.
	Done() <-chan struct{}
	// Exit is how it ended; it is meaningful after Done.
	Exit() Exit
	// Close kills what runs and removes everything the sandbox owned. It returns when
	// that is done, and may be called more than once.
	Close() error
}

// Metered is a Sandbox that can be read so cheaply that it is done for every event.
type Metered interface {
	Sandbox
	// Meter is made once and closed by the caller. What it reads after the end of the
	// sandbox is zero.
	Meter() (Meter, error)
}

// Lasting is a Sandbox whose files can be read once its process has ended.
type Lasting interface {
	Sandbox
	// OpenFolder opens a folder of the root filesystem for reading, as a process inside
	// would find it: no link leads out. It works between Create and Close, and the file
	// that it gives, too. A folder that is not there is ErrNotFound.
	OpenFolder(name string) (*os.File, error)
}

// Meter reads what a sandbox used: in some microseconds, and nothing is allocated. Zero
// is what is not known.
type Meter interface {
	// CPU is user and system time of all its processes until now.
	CPU() time.Duration
	// BeginPeak lets the peak begin anew, where the kernel can do that, and says whether
	// it did.
	BeginPeak() bool
	// Peak is the most bytes at one moment since BeginPeak; where the peak cannot begin
	// anew, since the start.
	Peak() int64
	Close() error
}

// SandboxSpec says what a sandbox is. The zero value of a limit is "no limit".
type SandboxSpec struct {
	ID       string   // 1 to 63 characters a-z 0-9 and hyphens, unique on the machine
	Hostname string   // "" is ID
	Layers   []string // absolute folders, lowest first: the read-only root; at least one
	Mounts   []Mount  // laid over the root, in order
	Folders  []string // absolute folders of the root that every user of the sandbox may write to; made when they are missing, unless the image has a file in their way

	Args []string // the program and its arguments; looked up in PATH of Env when it has no slash
	Env  []string // NAME=value
	Dir  string   // working directory; "" is /; made when it is missing
	User string   // user[:group], names (looked up in the image) or numbers; "" is root in the sandbox

	CPU         float64 // vCPUs
	MemoryMB    int     // MiB, swap included
	EphemeralMB int     // MiB that may be written to the root filesystem
	PIDs        int     // processes and threads
	OpenFiles   int     // RLIMIT_NOFILE
	Background  bool    // it has the processor time that other sandboxes leave

	Network   NetworkMode
	Isolation string // native, or oci:<runtime>
}

// Mount is a folder or file of the host that a sandbox sees. Its files keep their
// owners: root on the host is root in the sandbox (an idmapped mount, mount_setattr(2)).
type Mount struct {
	Source   string // absolute path on the host
	Target   string // absolute path in the sandbox; made when it is missing
	ReadOnly bool
}

// Stdio is the standard streams of a process. A nil file is /dev/null.
type Stdio struct {
	Stdin, Stdout, Stderr *os.File
}

// Exit is how a process ended: exactly one of an exit status, a signal and the
// kernel's out-of-memory kill, or an Err when the platform does not know.
type Exit struct {
	Code   int            // exit status, when Signal is 0
	Signal syscall.Signal // the signal that ended it; 0 when it exited
	OOM    bool           // the kernel killed a process of the sandbox for want of memory
	Err    error          // the sandbox was lost: its outcome is not known
}

// Success says whether the process exited with status 0.
func (e Exit) Success() bool { return e.Code == 0 && e.Signal == 0 && !e.OOM && e.Err == nil }

func (e Exit) String() string {
	switch {
	case e.Err != nil:
		return "lost: " + e.Err.Error()
	case e.OOM:
		return "killed by the kernel: out of memory"
	case e.Signal != 0:
		return fmt.Sprintf("signal: %s", e.Signal)
	default:
		return fmt.Sprintf("exit status %d", e.Code)
	}
}

// Usage is what a sandbox used.
type Usage struct {
	CPU        time.Duration // user and system time of all its processes
	MemoryPeak int64         // bytes, at most at one moment
	Memory     int64         // bytes now
	PIDs       int           // processes and threads now
	OOMKills   int           // processes the kernel killed for want of memory
}
