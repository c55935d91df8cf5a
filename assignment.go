package slipway

import "time"

// Assignment is work that the scheduler gives to an invoker: one attempt of a job, or one
// of each of a range of an array's children. It is all that the invoker needs to know.
type Assignment struct {
	ID          string `json:"id"` // made by the scheduler; unique
	Tenant      string `json:"tenant"`
	Job         string `json:"job"`             // id; of an array the parent's
	Name        string `json:"name"`            // of the job
	Array       int    `json:"array,omitempty"` // size of the array; 0 when the job is none
	From        int    `json:"from,omitempty"`  // children From to To-1
	To          int    `json:"to,omitempty"`
	Attempt     int    `json:"attempt"` // number of the attempt, of each of them
	Queue       string `json:"queue"`
	Environment string `json:"environment"`
	Definition  string `json:"definition"`

	Digest      string            `json:"digest"`            // of the image
	Command     []string          `json:"command,omitempty"` // parameters are substituted
	Arguments   []string          `json:"arguments,omitempty"`
	Env         map[string]string `json:"env,omitempty"` // of definition and overrides; SLIPWAY_JOB_… and AWS_BATCH_… come from the invoker
	CPU         float64           `json:"cpu"`
	MemoryMB    int               `json:"memory_mb"`
	EphemeralMB int               `json:"ephemeral_mb"`
	OutputMB    int               `json:"output_mb"`
	PIDs        int               `json:"pids"`
	Timeout     Duration          `json:"timeout,omitempty"` // 0 is none
	Network     NetworkMode       `json:"network"`
	Isolation   string            `json:"isolation"`
	Input       string            `json:"input,omitempty"` // digest of an archive
	Deps        []DepOutput       `json:"deps,omitempty"`  // outputs of other jobs

	Priority   int        `json:"priority"` // of the queue: the lowest yields first to functions
	Preemption Preemption `json:"preemption"`
	MinCPU     float64    `json:"min_cpu,omitempty"` // vCPUs that jobs of the environment keep on this machine while functions want it: its share of min_vcpus
}

// DepOutput is the output of a job that an attempt gets below /job/deps.
type DepOutput struct {
	Path   string `json:"path"`            // below /job/deps: <name> or <name>/<index>
	Digest string `json:"digest"`          // of the tar.gz; "" makes an empty folder
	Child  *int   `json:"child,omitempty"` // only the child with this index gets it; nil is all
}

// Children is how many attempts there are in a.
func (a Assignment) Children() int {
	if a.Array == 0 {
		return 1
	}
	return a.To - a.From
}

// AttemptEvent is what happens to an attempt.
type AttemptEvent string

// What an invoker reports. Every attempt that it was given ends with exactly one of
// ended, returned, refused and unstarted.
const (
	AttemptStarted   AttemptEvent = "started"   // the process runs
	AttemptEnded     AttemptEvent = "ended"     // it ran, or could not be started for a reason of the user's
	AttemptReturned  AttemptEvent = "returned"  // it ran and was ended so that functions get its room: run it again
	AttemptRefused   AttemptEvent = "refused"   // the platform could not run it: run it again, perhaps elsewhere
	AttemptUnstarted AttemptEvent = "unstarted" // it was taken back before it began
	AttemptFrozen    AttemptEvent = "frozen"    // it stands still for functions
	AttemptThawed    AttemptEvent = "thawed"
)

// AttemptReport is one event of one attempt, from an invoker to the scheduler.
type AttemptReport struct {
	Assignment string       `json:"assignment"`
	Job        string       `json:"job"`             // as in the Assignment
	Index      int          `json:"index,omitempty"` // of the child
	Attempt    int          `json:"attempt"`
	Event      AttemptEvent `json:"event"`
	At         time.Time    `json:"at"`

	StartedAt    time.Time  `json:"started_at,omitzero"`
	ExitCode     *int       `json:"exit_code,omitempty"` // 128 + signal when a signal ended it
	Reason       string     `json:"reason,omitempty"`    // see Reason…; "" after exit status 0
	CPUSeconds   float64    `json:"cpu_seconds,omitempty"`
	MemoryPeakMB int        `json:"memory_peak_mb,omitempty"`
	Output       *JobOutput `json:"output,omitempty"`
}

// How the reason of an attempt begins, which retry rules match.
const (
	ReasonError       = "Error: "       // exit status 3; signal: killed
	ReasonOutOfMemory = "OutOfMemory: " // the kernel killed it for want of memory
	ReasonTimeout     = "Timeout: "     // job attempt exceeded its timeout of 10s
	ReasonCannotStart = "CannotStart: " // no such program, no such user
	ReasonTerminated  = "Terminated: "  // somebody said so
	ReasonHostLost    = "Host lost: "   // the invoker is gone; also of the status
	ReasonReturned    = "Returned: "    // the platform took it back so that functions get its room; it runs again
	ReasonRefused     = "Refused: "     // the invoker could not run it; it runs again
	ReasonCancelled   = "Cancelled: "   // somebody said so before it began
)

// JobOrder is what the scheduler wants of an invoker about what it has: JobStop ends an
// attempt (SIGTERM, 30 s, SIGKILL), whether or not it has begun.
type JobOrder struct {
	Order   string `json:"order"` // stop
	Job     string `json:"job"`
	From    int    `json:"from,omitempty"` // children, as in the Assignment
	To      int    `json:"to,omitempty"`
	Attempt int    `json:"attempt"`
	Reason  string `json:"reason"`
}

// JobStop is the order to end an attempt.
const JobStop = "stop"

// JobRoom is what an invoker has for jobs, part of its InvokerState.
type JobRoom struct {
	Incarnation  string  `json:"incarnation"` // made when the invoker starts: attempts given to another one are lost
	CPU          float64 `json:"cpu"`         // vCPUs for jobs when there are no functions
	FreeCPU      float64 `json:"free_cpu"`    // that neither jobs nor functions at work use
	FreeMemoryMB int     `json:"free_memory_mb"`
	ReservedMB   int     `json:"reserved_mb,omitempty"` // MiB of FreeMemoryMB that only attempts get that give it back when functions want it, or a single one
	UsedCPU      float64 `json:"used_cpu"`              // vCPUs of the attempts in Running, at the moment of FreeCPU: the scheduler keeps its own account of what it gave, and Used and Free together are what it may give
	UsedMemoryMB int     `json:"used_memory_mb"`        // MiB that the attempts in Running were allowed, at the same moment
	Running      int     `json:"running"`               // attempts that run or are frozen
	Waiting      int     `json:"waiting"`               // attempts that it has and that have not begun
	Frozen       int     `json:"frozen"`
}
