package slipway

import "time"

// JobDefinition is a revision of what jobs run. A revision never changes, but for Active.
type JobDefinition struct {
	Tenant      string            `json:"tenant"`
	Name        string            `json:"name"`
	Revision    int               `json:"revision"`     // from 1
	Active      bool              `json:"active"`       // an inactive one takes no new jobs
	Image       string            `json:"image"`        // function, function:version, function:alias, or a reference with a digest
	Digest      string            `json:"digest"`       // of the image, found when the revision was made
	Command     []string          `json:"command"`      // replaces the image's entrypoint and command; empty keeps them
	Arguments   []string          `json:"arguments"`    // follow the command, or the image's entrypoint
	CPU         float64           `json:"cpu"`          // vCPUs, 0.05 to 64; 0.25
	MemoryMB    int               `json:"memory_mb"`    // MiB, 16 to 65536; 64
	EphemeralMB int               `json:"ephemeral_mb"` // MiB, 16 to 10240; 512
	OutputMB    int               `json:"output_mb"`    // MiB that /job/output may hold to be kept, 0 to 10240; 64. 0 keeps nothing
	PIDs        int               `json:"pids"`         // 4 to 32768; 256
	Env         map[string]string `json:"env"`
	Timeout     Duration          `json:"timeout"` // of an attempt, 1s to 720h; 0 is none
	Retry       RetryStrategy     `json:"retry"`
	Parameters  map[string]string `json:"parameters"` // defaults for Ref::name in command and arguments
	Network     NetworkMode       `json:"network"`
	Isolation   string            `json:"isolation"`
	Tags        map[string]string `json:"tags"`
	CreatedAt   time.Time         `json:"created_at"`
}

// DefaultJobDefinition is a definition about which nothing was said.
func DefaultJobDefinition() JobDefinition {
	return JobDefinition{
		Active: true, CPU: 0.25, MemoryMB: 64, EphemeralMB: 512, OutputMB: 64, PIDs: 256,
		Retry: RetryStrategy{Attempts: 1}, Network: NetworkEgress, Isolation: "native",
	}
}

// SwitchState is whether a queue or a compute environment takes new work.
type SwitchState string

// The states of a queue or an environment. A disabled one finishes what it has.
const (
	Enabled  SwitchState = "enabled"
	Disabled SwitchState = "disabled"
)

// Queue holds jobs until there is room for them.
type Queue struct {
	Tenant              string         `json:"tenant"`
	Name                string         `json:"name"`
	Priority            int            `json:"priority"`             // higher first among queues that share an environment, -1000000 to 1000000; 0
	ComputeEnvironments []string       `json:"compute_environments"` // tried in this order, 1 to 3; ["default"]
	State               SwitchState    `json:"state"`
	Policy              QueuePolicy    `json:"policy"`
	MaxRunning          int            `json:"max_running"`          // jobs and children that run at once; 0 is no limit
	KeyLimits           map[string]int `json:"key_limits,omitempty"` // by limit_key: jobs that run at once; "*" is for keys that are not named
	StateLimits         []StateLimit   `json:"state_limits,omitempty"`
	Preemption          Preemption     `json:"preemption"`
	CreatedAt           time.Time      `json:"created_at"`
}

// Preemption is what happens to running jobs of a queue while functions want the machine.
type Preemption string

// The ways to make room for functions. Either loses nothing: a job that was put back runs
// again, with the next attempt number, and that does not count as one of retry.attempts.
const (
	PreemptFreeze  Preemption = "freeze"  // the default: it stands still, keeps its memory, and goes on later
	PreemptRequeue Preemption = "requeue" // it stands still; when its memory is wanted it is ended and put back
	PreemptNever   Preemption = "never"   // it runs on, as an equal of the functions
)

// QueuePolicy is the order within a queue.
type QueuePolicy struct {
	Type        string             `json:"type"`                  // fifo (default) or fair
	Shares      map[string]float64 `json:"shares,omitempty"`      // weight by share, 0.0001 to 999.9999; 1. Lower gets more, as in AWS Batch: usage counts times the weight
	Decay       Duration           `json:"decay,omitempty"`       // half of the usage is forgotten after it, 0s to 168h; 10m
	Reservation int                `json:"reservation,omitempty"` // percent, 0 to 99: (reservation/100)^activeShares of the environment is kept for shares that are not active
}

// StateLimit cancels the job at the head of the queue when it has been RUNNABLE too long.
type StateLimit struct {
	Reason string   `json:"reason"` // kind of block that must hold: memory, cpu, environment, or "" for any
	After  Duration `json:"after"`  // 10m to 24h
}

// ComputeEnvironment is the capacity that queues use.
type ComputeEnvironment struct {
	Tenant    string      `json:"tenant"`
	Name      string      `json:"name"`
	Type      string      `json:"type"`      // managed: at most max_vcpus of the invokers; unmanaged: all that the invokers named by it have
	MinVCPUs  float64     `json:"min_vcpus"` // kept for jobs even when there are none; 0
	MaxVCPUs  float64     `json:"max_vcpus"` // 0 to 100000; 0 with unmanaged is no bound
	State     SwitchState `json:"state"`
	Invokers  []string    `json:"invokers,omitempty"` // ids, a trailing * matches any rest; empty is all
	CreatedAt time.Time   `json:"created_at"`

	Desired float64 `json:"desired_vcpus"` // what the queues would use now; filled in, not stored
	Used    float64 `json:"used_vcpus"`    // filled in, not stored
}

// DefaultEnvironment and DefaultQueue exist for every tenant without being made.
const (
	DefaultEnvironment = "default"
	DefaultQueue       = "default"
)
