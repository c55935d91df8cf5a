package ledger

import (
	"cmp"
	"time"
)

// Config bounds a ledger. The zero value of a field means the default; a negative
// duration means never.
type Config struct {
	// MemoryMB is what may be promised to members and lent to jobs, in MiB; 0 is no bound.
	MemoryMB int
	// Reserve is the share of MemoryMB that loans which cannot be recalled leave to
	// functions, from 0 to 1; 0.2. Below 0 they leave none.
	Reserve float64
	// MaxWaiting is how many may wait for one version; 1000.
	MaxWaiting int
	// MaxWait is how long one may wait for whom no start is under way; 30s.
	MaxWait time.Duration
	// FreezeAfter is how long a member is idle before it gets no processor time; 10s.
	FreezeAfter time.Duration
	// ReclaimAfter is how long a member is idle before its memory goes to swap; 1m.
	ReclaimAfter time.Duration
	// StartRate is how many members are started per second when more are wanted for
	// long; 256. StartBurst is how many at once; 256.
	StartRate, StartBurst int
}

const (
	defaultReserve      = 0.2
	defaultMaxWaiting   = 1000
	defaultMaxWait      = 30 * time.Second
	defaultFreezeAfter  = 10 * time.Second
	defaultReclaimAfter = time.Minute
	defaultStarts       = 256
)

func (c Config) withDefaults() Config {
	c.Reserve = cmp.Or(c.Reserve, defaultReserve)
	c.MaxWaiting = cmp.Or(c.MaxWaiting, defaultMaxWaiting)
	c.MaxWait = cmp.Or(c.MaxWait, defaultMaxWait)
	c.FreezeAfter = cmp.Or(c.FreezeAfter, defaultFreezeAfter)
	c.ReclaimAfter = cmp.Or(c.ReclaimAfter, defaultReclaimAfter)
	c.StartRate = cmp.Or(c.StartRate, defaultStarts)
	c.StartBurst = cmp.Or(c.StartBurst, defaultStarts)
	return c
}
