package slipway

import (
	"context"
	"time"
)

// InstanceState is where an instance is in its life.
type InstanceState string

// The states of an instance: starting until it can take events; idle and busy as
// invocations come and go; frozen when it was idle for a while and gets no processor
// time, reclaimed when its memory went to swap besides; stopping once nothing new is
// given to it.
const (
	InstanceStarting  InstanceState = "starting"
	InstanceIdle      InstanceState = "idle"
	InstanceBusy      InstanceState = "busy"
	InstanceFrozen    InstanceState = "frozen"
	InstanceReclaimed InstanceState = "reclaimed"
	InstanceStopping  InstanceState = "stopping"
)

// Instance is one running sandbox of one version, as the pool holds it.
type Instance interface {
	// ID is unique within the platform.
	ID() string
	// Done is closed when the instance cannot take events any more: its process ended.
	Done() <-chan struct{}
	// Unfit is closed when it should get nothing new, although it may run still: its
	// health checks failed. What it has may finish.
	Unfit() <-chan struct{}
	// Freeze takes the processor from it until Thaw; it must have no event. Both are
	// idempotent, and nothing happens to an instance that has ended.
	Freeze(ctx context.Context) error
	Thaw(ctx context.Context) error
	// Reclaim moves the memory of a frozen instance to the machine's swap, as far as
	// there is some, and says how many bytes it gave back. What is needed after Thaw
	// comes back by itself.
	Reclaim(ctx context.Context) (int64, error)
	// Close ends it: SIGTERM, a grace of 2 s, SIGKILL; then removes what it owned.
	// It returns when that is done, and may be called more than once.
	Close() error
}

// Lease is the right to give one event to an instance.
type Lease struct {
	Instance Instance
	Cold     bool             // the instance was started for this lease
	Queue    time.Duration    // waited for a busy instance or for room
	Start    time.Duration    // waited for the start; 0 when warm
	Release  func(reuse bool) // gives the slot back, once; reuse false: the instance must not be used again and is closed
}

// InstanceInfo is what can be seen of an instance from outside.
type InstanceInfo struct {
	ID      string `json:"id"`
	Invoker string `json:"invoker"`
	VersionRef
	State     InstanceState `json:"state"`
	InFlight  int           `json:"in_flight"`
	Served    int64         `json:"served"` // invocations finished
	StartedAt time.Time     `json:"started_at"`
	IdleSince *time.Time    `json:"idle_since"`

	CPUSeconds   float64 `json:"cpu_seconds"`    // user and system time since the start
	MemoryMB     int     `json:"memory_mb"`      // MiB it holds now; what is in swap does not count
	MemoryPeakMB int     `json:"memory_peak_mb"` // MiB it held at most at one moment
}

// InvokerState is what an invoker publishes when something changes, and once a
// second: enough for a gateway to choose where an event goes.
type InvokerState struct {
	ID           string         `json:"id"`
	Host         string         `json:"host"`
	Build        string         `json:"build"` // version of the slipway binary
	CPU          float64        `json:"cpu"`   // vCPUs of the machine
	MemoryMB     int            `json:"memory_mb"`
	FreeMemoryMB int            `json:"free_memory_mb"` // what is not promised to instances
	Draining     bool           `json:"draining"`       // shutting down: send nothing new
	At           time.Time      `json:"at"`
	Versions     []VersionCount `json:"versions"`
	Jobs         *JobRoom       `json:"jobs,omitempty"` // nil: it takes none
}

// VersionCount is the instances of one version on one invoker.
type VersionCount struct {
	VersionRef
	Instances int `json:"instances"` // starting ones too
	Free      int `json:"free"`      // invocations that could begin now without a start
	Frozen    int `json:"frozen"`    // of Free, those whose instance has to be thawed first
	Waiting   int `json:"waiting"`   // invocations that wait for an instance
	Starting  int `json:"starting"`  // of Instances
	Asleep    int `json:"asleep"`    // of Instances, those that are frozen or reclaimed
	Reclaimed int `json:"reclaimed"` // of Asleep

	Failures int    `json:"failures,omitempty"` // starts in a row that went wrong
	Failure  string `json:"failure,omitempty"`  // why, the last time; for a person
}
