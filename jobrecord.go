package slipway

import "time"

// JobRecord is a job as the scheduler and the store exchange it: see package batch. A job
// that is no array is treated as one with the single child 0.
type JobRecord struct {
	ID        string
	Tenant    string
	Request   JobRequest // Definition has its revision; Retry and Timeout are in force
	CPU       float64    // in force
	MemoryMB  int        // in force, of a first attempt
	CreatedAt time.Time
	JobState
}

// Children is how many there are, 1 when the job is no array.
func (r JobRecord) Children() int {
	if r.Request.Array == nil {
		return 1
	}
	return r.Request.Array.Size
}

// Job is r as people see it, without attempts and children.
func (r JobRecord) Job() Job {
	q := r.Request
	j := Job{
		ID: r.ID, Tenant: r.Tenant, Name: q.Name, Queue: q.Queue, Definition: q.Definition,
		Status: r.Status, StatusReason: r.Reason, ExitCode: r.ExitCode, Attempts: []JobAttempt{},
		Overrides: q.Overrides, DependsOn: q.DependsOn, Retry: RetryStrategy{Attempts: 1}, Timeout: q.Timeout, Parameters: q.Parameters,
		Share: q.Share, Priority: q.Priority, LimitKey: q.LimitKey, Input: q.Input, InputFrom: q.InputFrom, Tags: q.Tags,
		CreatedAt: r.CreatedAt, StartedAt: r.StartedAt, StoppedAt: r.StoppedAt,
	}
	if q.Retry != nil {
		j.Retry = *q.Retry
	}
	if q.Array != nil {
		j.Array = &JobArray{Size: q.Array.Size}
	}
	if r.Stop != "" && j.StatusReason == "" && !j.Status.Ended() {
		j.StatusReason = r.Stop
	}
	return j
}

// Depends says whether a dependency of the job has the type.
func (r JobRequest) Depends(t DependencyType) bool {
	for _, d := range r.DependsOn {
		if d.Type == t {
			return true
		}
	}
	return false
}

// JobState is what changes of a job.
type JobState struct {
	Num       int64 // of the job, in the order in which jobs were accepted
	Status    JobStatus
	Reason    string
	ExitCode  *int
	Next      int // children from here on have never begun, unless they wait for those of another array
	Succeeded int // children
	Failed    int
	Stop      string // why nothing of it may begin any more; "" when it may
	StartedAt *time.Time
	StoppedAt *time.Time
}

// JobSlice is neighbouring children of a job, each with the same attempt before it or
// under way. Children that have never begun are in none.
type JobSlice struct {
	Job      int64 // number
	From, To int   // children From to To-1
	Attempt  int
	Tries    int // attempts before this one that count
	Losses   int // attempts right before this one that the platform lost
	MemoryMB int // that this attempt is allowed; 0 is the job's

	Assignment  string // "" while it waits
	Invoker     string
	Incarnation string
	Environment string
	GivenAt     time.Time
	NotBefore   time.Time // of one that waits

	Live map[int]LiveAttempt // children of a given slice of which something is known, by index
}

// Given says whether an invoker has it.
func (s JobSlice) Given() bool { return s.Assignment != "" }

// LiveAttempt is what is known of an attempt that has not ended.
type LiveAttempt struct {
	StartedAt time.Time `json:"at,omitzero"`
	Frozen    bool      `json:"frozen,omitempty"`
	FrozenAt  time.Time `json:"frozen_at,omitzero"` // when it was said that it is
	Stop      string    `json:"stop,omitempty"`     // why it is being ended
}

// AttemptOutcome is what came of an attempt.
type AttemptOutcome int

// The outcomes of an attempt. The first two are the child's, too.
const (
	AttemptSucceeded AttemptOutcome = iota
	AttemptFailed
	AttemptRetried // failed, and another one follows
	AttemptLost    // interrupted by the platform, and another one follows
)

// AttemptRecord is an attempt that has ended.
type AttemptRecord struct {
	Job     int64 // number
	Index   int
	Outcome AttemptOutcome
	JobAttempt
	Output *JobOutput
}

// JobEnding is neighbouring children that failed otherwise than by an attempt: they were
// cancelled, or a dependency failed.
type JobEnding struct {
	Job      int64 // number
	From, To int
	Reason   string
	At       time.Time
}

// ShareUsage is what a share of a fair-share queue has used, as of a moment.
type ShareUsage struct {
	Tenant, Queue, Share string
	VCPUs                float64 // running average
	At                   time.Time
}

// JobChanges is what one turn of the scheduler writes, all or nothing.
type JobChanges struct {
	States   []JobState
	Drop     []JobSlice // of which Job, Attempt and From count
	Put      []JobSlice
	Attempts []AttemptRecord
	Endings  []JobEnding
	Usage    []ShareUsage
}

// Empty says whether there is nothing to write.
func (c JobChanges) Empty() bool {
	return len(c.States)+len(c.Drop)+len(c.Put)+len(c.Attempts)+len(c.Endings)+len(c.Usage) == 0
}

// JobLease says who schedules jobs.
type JobLease struct {
	Holder string // "" when nobody does
	Epoch  int64  // grows with every holder
	Beat   int64  // grows while the holder lives
}

// QueueCounts is the jobs and children of a queue that have not ended, by status.
type QueueCounts struct {
	Tenant string            `json:"tenant"`
	Queue  string            `json:"queue"`
	Counts map[JobStatus]int `json:"counts"`
}
