package sandbox

import (
	"context"
	"net/netip"

	"github.com/slipway-run/slipway"
)

// Config says what a Native runtime may use of the machine.
type Config struct {
	Dir     string // folder of its own, made when missing; it holds the lock of the owner
	Name    string // parent of its control groups, unique on the machine: "slipway-1f2e3d4c"
	FirstID uint32 // first user and group id that sandboxes may have on the host; 0 is 2^20
	IDs     uint32 // how many, 65536 for each sandbox; 0 is up to 2^31
	Shells  int    // how many unused shells are kept at most, of those with and without egress each; 0 is 32, below 0 is none
	Egress  Egress // nil: sandboxes have a loopback only, whatever they ask for
	// Rootless is what an ordinary user's server has; nil is root of the machine. FirstID
	// and IDs mean nothing then, and Scratch must be memory.
	Rootless *Rootless

	Scratch string // where what sandboxes write is kept: ScratchMemory, the default, or ScratchDisk
}

// The places for what a sandbox writes to its root.
const (
	ScratchMemory = "memory" // a tmpfs: it counts as memory of the sandbox
	ScratchDisk   = "disk"   // a file in Dir with a filesystem of its own; it needs loop devices and mke2fs(8)
)

// Egress connects a network namespace to the outside. id is unique among the links
// that exist.
type Egress interface {
	Attach(ctx context.Context, id string, netns int) (Link, error)
}

// Link is one such connection.
type Link interface {
	DNS() []netip.Addr // the resolvers that can be reached through it
	Close() error
}

// EgressFunc makes a function an Egress.
type EgressFunc func(ctx context.Context, id string, netns int) (Link, error)

// Attach calls f.
func (f EgressFunc) Attach(ctx context.Context, id string, netns int) (Link, error) {
	return f(ctx, id, netns)
}

const (
	defaultFirstID = 1 << 20
	lastID         = 1<<31 - 1 // ids above are negative to some programs
)

func (c Config) withDefaults() (Config, error) {
	if c.FirstID == 0 {
		c.FirstID = defaultFirstID
	}
	if c.IDs == 0 && c.FirstID <= lastID {
		c.IDs = lastID - c.FirstID + 1
	}
	if c.Shells == 0 {
		c.Shells = defaultShells
	}
	c.Shells = max(c.Shells, 0)
	switch {
	case !isName(c.Name):
		return c, slipway.Errorf(slipway.ErrInvalid, "sandbox name %q: it must be 1 to 63 letters a-z, digits and hyphens", c.Name)
	case c.Scratch != "" && c.Scratch != ScratchMemory && c.Scratch != ScratchDisk:
		return c, slipway.Errorf(slipway.ErrInvalid, "scratch %q: it must be %s or %s", c.Scratch, ScratchMemory, ScratchDisk)
	case c.Rootless != nil && c.Scratch == ScratchDisk:
		return c, slipway.Errorf(slipway.ErrInvalid, "scratch on disk needs root: keep it in memory (--scratch memory), or start the server as root")
	case c.Dir == "":
		return c, slipway.Errorf(slipway.ErrInvalid, "sandbox folder: none is configured")
	case c.FirstID < idsPerSandbox || uint64(c.FirstID)+uint64(c.IDs) > lastID+1:
		return c, slipway.Errorf(slipway.ErrInvalid, "sandbox ids %d and %d more: they must lie between %d and %d", c.FirstID, c.IDs, idsPerSandbox, lastID)
	case c.IDs < idsPerSandbox:
		return c, slipway.Errorf(slipway.ErrInvalid, "sandbox ids: %d are not enough, each sandbox needs %d", c.IDs, idsPerSandbox)
	}
	return c, nil
}
