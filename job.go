package slipway

import "time"

// JobStatus is where a job is in its life, in the words of AWS Batch.
type JobStatus string

// The statuses of a job. A failed attempt with attempts left goes back to RUNNABLE. An
// array job itself is only ever SUBMITTED, PENDING, RUNNABLE (its children may run),
// SUCCEEDED or FAILED.
const (
	JobSubmitted JobStatus = "SUBMITTED" // accepted, durable
	JobPending   JobStatus = "PENDING"   // waits for the jobs it depends on
	JobRunnable  JobStatus = "RUNNABLE"  // waits for its turn and for room
	JobStarting  JobStatus = "STARTING"  // was given to an invoker
	JobRunning   JobStatus = "RUNNING"
	JobSucceeded JobStatus = "SUCCEEDED"
	JobFailed    JobStatus = "FAILED"
)

// Ended says whether s is final.
func (s JobStatus) Ended() bool { return s == JobSucceeded || s == JobFailed }

// JobRequest is a submission.
type JobRequest struct {
	Name           string            `json:"name"`
	Queue          string            `json:"queue"`
	Definition     string            `json:"definition"` // name, or name:revision; a name alone is its newest active revision
	Overrides      *JobOverrides     `json:"overrides,omitempty"`
	Array          *ArrayRequest     `json:"array,omitempty"`
	DependsOn      []JobDependency   `json:"depends_on,omitempty"` // 20 at most
	Retry          *RetryStrategy    `json:"retry,omitempty"`      // replaces the definition's
	Timeout        Duration          `json:"timeout,omitempty"`    // of an attempt, from 1s; 0 is the definition's
	Parameters     map[string]string `json:"parameters,omitempty"` // laid over the definition's; Ref::name in the command line
	Share          string            `json:"share,omitempty"`      // of a fair-share queue; "" is "default"
	Priority       int               `json:"priority,omitempty"`   // within the share, 0 to 9999, higher first
	IdempotencyKey string            `json:"idempotency_key,omitempty"`
	LimitKey       string            `json:"limit_key,omitempty"`  // jobs with the same one are bounded together by the queue's key_limits
	Input          string            `json:"input,omitempty"`      // digest of an uploaded archive, unpacked to /job/input
	InputFrom      []JobInput        `json:"input_from,omitempty"` // outputs of jobs in depends_on, unpacked below /job/deps
	Tags           map[string]string `json:"tags,omitempty"`
}

// ArrayRequest makes an array of children 0 to Size-1, with ids <parent>:<index>.
type ArrayRequest struct {
	Size int `json:"size"` // 2 to 1000000
}

// JobOverrides replace what the definition says; nil and 0 keep it.
type JobOverrides struct {
	Command   []string          `json:"command,omitempty"`
	Arguments []string          `json:"arguments,omitempty"`
	Env       map[string]string `json:"env,omitempty"` // laid over
	CPU       float64           `json:"cpu,omitempty"`
	MemoryMB  int               `json:"memory_mb,omitempty"`
}

// Condition is which end of a job another one waits for.
type Condition string

// The conditions.
const (
	OnSuccess Condition = "success" // the default: its failure fails the dependant
	OnFailure Condition = "failure" // its success fails the dependant ("not needed")
	OnAny     Condition = "any"
)

// DependencyType says how the children of arrays depend on each other.
type DependencyType string

// The types of dependency. DependsWhole waits for the whole job.
const (
	DependsWhole      DependencyType = ""
	DependsSequential DependencyType = "SEQUENTIAL" // child i waits for child i-1 of its own array; names no job
	DependsNToN       DependencyType = "N_TO_N"     // child i waits for child i of the other array, of the same size
)

// JobDependency is a job that must end first.
type JobDependency struct {
	Job  string         `json:"job,omitempty"` // id; of a child <parent>:<index>
	Type DependencyType `json:"type,omitempty"`
	On   Condition      `json:"on,omitempty"` // "" is success
}

// RetryStrategy says when a failed attempt is tried again.
type RetryStrategy struct {
	Attempts       int        `json:"attempts"`                   // 1 to 10; 1
	EvaluateOnExit []ExitRule `json:"evaluate_on_exit,omitempty"` // 5 at most; the first that matches decides, and none is a retry
}

// ExitRule matches the end of an attempt. All patterns that are set must match; a
// trailing * matches any rest.
type ExitRule struct {
	OnExitCode     string  `json:"on_exit_code,omitempty"`     // digits and *
	OnReason       string  `json:"on_reason,omitempty"`        // of the attempt: "OutOfMemory: …", "Error: exit status 3"
	OnStatusReason string  `json:"on_status_reason,omitempty"` // of the job: "Host lost: …"
	Action         string  `json:"action"`                     // RETRY or EXIT
	MemoryMB       int     `json:"memory_mb,omitempty"`        // with RETRY: the next attempt has so much, MiB
	MemoryFactor   float64 `json:"memory_factor,omitempty"`    // with RETRY: the next attempt has so many times the memory, 1 to 10
}

// The actions of a rule.
const (
	ActionRetry = "RETRY"
	ActionExit  = "EXIT"
)

// Job is a unit of work: one attempt at a time of one command in a sandbox of its own.
// An array job is the parent of its children, and is never run itself.
type Job struct {
	ID           string            `json:"id"` // of a child <parent>:<index>
	Tenant       string            `json:"tenant"`
	Name         string            `json:"name"`
	Queue        string            `json:"queue"`
	Definition   string            `json:"definition"` // name:revision
	Status       JobStatus         `json:"status"`
	StatusReason string            `json:"status_reason"`
	ExitCode     *int              `json:"exit_code,omitempty"` // of the last attempt, when it has one
	Attempts     []JobAttempt      `json:"attempts"`
	Array        *JobArray         `json:"array,omitempty"`
	Overrides    *JobOverrides     `json:"overrides,omitempty"`
	DependsOn    []JobDependency   `json:"depends_on,omitempty"`
	Retry        RetryStrategy     `json:"retry"`   // in force
	Timeout      Duration          `json:"timeout"` // in force; 0 is none
	Parameters   map[string]string `json:"parameters,omitempty"`
	Share        string            `json:"share,omitempty"`
	Priority     int               `json:"priority"`
	LimitKey     string            `json:"limit_key,omitempty"`
	Input        string            `json:"input,omitempty"`
	InputFrom    []JobInput        `json:"input_from,omitempty"`
	Output       *JobOutput        `json:"output,omitempty"` // what the last attempt left in /job/output
	Tags         map[string]string `json:"tags,omitempty"`
	CreatedAt    time.Time         `json:"created_at"`
	StartedAt    *time.Time        `json:"started_at,omitempty"` // of the first attempt
	StoppedAt    *time.Time        `json:"stopped_at,omitempty"`
}

// JobArray is what a parent has of its children, or a child of its parent.
type JobArray struct {
	Size   int               `json:"size"`
	Index  *int              `json:"index,omitempty"`  // of a child
	Parent string            `json:"parent,omitempty"` // of a child
	Counts map[JobStatus]int `json:"counts,omitempty"` // of a parent: its children by status
}

// JobAttempt is one time that the command of a job was run, or should have been.
type JobAttempt struct {
	Attempt      int        `json:"attempt"` // from 1
	ExitCode     *int       `json:"exit_code,omitempty"`
	Reason       string     `json:"reason"` // "" after exit status 0
	Invoker      string     `json:"invoker,omitempty"`
	StartedAt    *time.Time `json:"started_at,omitempty"`
	StoppedAt    *time.Time `json:"stopped_at,omitempty"`
	CPUSeconds   float64    `json:"cpu_seconds"`
	MemoryPeakMB int        `json:"memory_peak_mb"` // MiB, rounded up
	MemoryMB     int        `json:"memory_mb"`      // that it was allowed
	Lost         bool       `json:"lost,omitempty"` // the platform interrupted it: it does not count as one of retry.attempts
}

// JobOutput is an artifact: a tar.gz of /job/output.
type JobOutput struct {
	Digest  string `json:"digest"` // in the blob store
	Size    int64  `json:"size"`   // bytes
	Attempt int    `json:"attempt"`
	Note    string `json:"note,omitempty"` // why nothing was kept: larger than output_mb
}

// JobInput has the output of a job unpacked for another one that depends on it: to
// /job/deps/<name>, and of the children of an array to /job/deps/<name>/<index>. With an
// N_TO_N dependency each child gets that of the child with its own index, in
// /job/deps/<name>. A job that left nothing has an empty folder.
type JobInput struct {
	Job  string `json:"job"`            // one of depends_on
	Name string `json:"name,omitempty"` // of the folder; "" is the name of that job
}

// JobFilter picks jobs of a list. Children are listed with Parent only.
type JobFilter struct {
	Queue  string
	Status JobStatus
	Name   string // a trailing * matches any rest
	Parent string
}

// Explanation says why a job waits, in numbers.
type Explanation struct {
	Job      string    `json:"job"`
	Status   JobStatus `json:"status"`
	Reason   string    `json:"reason"`             // one sentence: needs 2048 MiB, 1431 free on the roomiest invoker; behind job X; room when Y ends
	Blocks   []Block   `json:"blocks"`             // each thing it waits for, first what matters most
	Ahead    int       `json:"ahead"`              // jobs and children that are served before it
	Invokers []Room    `json:"invokers,omitempty"` // of the queue's environments
}

// Block is one thing that a job waits for.
type Block struct {
	Kind string  `json:"kind"` // dependency, turn, memory, cpu, environment, queue_limit, key_limit, backoff, paused, array
	Text string  `json:"text"`
	Job  string  `json:"job,omitempty"` // that it waits for
	Need float64 `json:"need,omitempty"`
	Have float64 `json:"have,omitempty"`
}

// Room is what one invoker has for jobs.
type Room struct {
	Invoker      string  `json:"invoker"`
	FreeCPU      float64 `json:"free_cpu"`
	FreeMemoryMB int     `json:"free_memory_mb"`
}
