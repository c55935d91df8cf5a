package life

import (
	"cmp"
	"time"

	"github.com/slipway-run/slipway"
)

// Book is all jobs that have not ended.
type Book struct {
	jobs    map[int64]*Job
	ids     map[string]*Job
	given   map[string]*Slice       // by assignment
	waiters map[dependency][]waiter // for the end of a job or child
	twins   map[int64][]waiter      // whose children wait for those of a job, N_TO_N
	watched map[int64]int           // how many waiters are for children of a job
	delayed map[*Job]struct{}       // jobs that have some
	endings []ending                // to be worked off
	lately  map[int64][]recent      // children that have ended in this turn, which nothing stored says yet
	closed  map[string]*Job         // jobs that have
	turn    Turn
	puts    map[sliceKey]*slipway.JobSlice
	drops   map[sliceKey]struct{}
	dirty   map[int64]*Job
}

// dependency is a job, or with child >= 0 a child of one.
type dependency struct {
	job   int64
	child int
}

// waiter is a job that waits for another one.
type waiter struct {
	job *Job
	on  slipway.Condition
}

// recent is neighbouring children that have ended.
type recent struct {
	from, to  int
	succeeded bool
}

// ending is a job that has just ended.
type ending struct {
	job       *Job
	succeeded bool
}

type sliceKey struct {
	job     int64
	attempt int
	from    int
}

// Turn is what calls since the last Turn came to.
type Turn struct {
	Changes slipway.JobChanges
	Touched map[int64]*Job // jobs whose Ready may have changed; those that have ended, too
	Over    []Over         // attempts that hold nothing any more
	Orders  []Order
	Ended   []*Job
	Tally   map[Outcome]int // children that have ended
}

// Outcome is how children of a queue end.
type Outcome struct {
	Tenant, Queue string
	Status        slipway.JobStatus // SUCCEEDED or FAILED
}

// Over is N attempts of a slice that have ended.
type Over struct {
	Slice *Slice
	N     int
}

// Order is what an invoker is to be told.
type Order struct {
	Invoker, Incarnation string
	slipway.JobOrder
}

// New is an empty book.
func New() *Book {
	b := &Book{
		jobs: map[int64]*Job{}, ids: map[string]*Job{}, given: map[string]*Slice{},
		waiters: map[dependency][]waiter{}, twins: map[int64][]waiter{}, watched: map[int64]int{}, delayed: map[*Job]struct{}{},
	}
	b.clear()
	return b
}

func (b *Book) clear() {
	b.turn = Turn{Touched: map[int64]*Job{}, Tally: map[Outcome]int{}}
	b.lately, b.closed = map[int64][]recent{}, map[string]*Job{}
	b.puts, b.drops, b.dirty = map[sliceKey]*slipway.JobSlice{}, map[sliceKey]struct{}{}, map[int64]*Job{}
}

// Turn gives what has happened since the last one, and begins the next.
func (b *Book) Turn() Turn {
	t := b.turn
	for _, j := range b.dirty {
		t.Changes.States = append(t.Changes.States, j.JobState)
	}
	for key := range b.drops {
		t.Changes.Drop = append(t.Changes.Drop, slipway.JobSlice{Job: key.job, Attempt: key.attempt, From: key.from})
	}
	for _, s := range b.puts {
		t.Changes.Put = append(t.Changes.Put, *s)
	}
	b.clear()
	return t
}

// Job is the one with a number, or nil when it has ended.
func (b *Book) Job(num int64) *Job { return b.jobs[num] }

// Find is the one with an id, or nil.
func (b *Book) Find(id string) *Job { return b.ids[id] }

// Jobs is all of them.
func (b *Book) Jobs() map[int64]*Job { return b.jobs }

// Slice is the one of an assignment, or nil when it is over.
func (b *Book) Slice(assignment string) *Slice { return b.given[assignment] }

// Slices is all that invokers have.
func (b *Book) Slices() map[string]*Slice { return b.given }

func keyOf(s *slipway.JobSlice) sliceKey { return sliceKey{s.Job, s.Attempt, s.From} }

func (b *Book) put(s *slipway.JobSlice) { b.puts[keyOf(s)] = s }

func (b *Book) drop(s *slipway.JobSlice) {
	delete(b.puts, keyOf(s))
	b.drops[keyOf(s)] = struct{}{}
}

func (b *Book) touch(j *Job) {
	b.dirty[j.Num] = j
	b.turn.Touched[j.Num] = j
}

// Past knows what has ended before.
type Past interface {
	// Ended says whether a job, or a child of one, has ended, and how. What is not known
	// any more has ended as whoever waits for it needed: otherwise it would not wait.
	Ended(id string) (ended, succeeded, known bool)
	// Children gives how the children of an array that have ended did.
	Children(id string, f func(from, to int, succeeded bool))
}

// History is what a job has behind it when it is added.
type History struct {
	Slices []slipway.JobSlice
	Ended  map[string][]int // of a given slice, by assignment: children whose attempts have ended
	Done   [][2]int         // children from-to that have ended and are at or above Next, or all that have when there are N_TO_N dependencies
}

// once is what is in force when nothing is said.
var once = &slipway.RetryStrategy{Attempts: 1}

// Add adds a job that has not ended.
func (b *Book) Add(r slipway.JobRecord, h History, past Past, now time.Time) *Job {
	j := &Job{
		JobState: r.JobState, ID: r.ID, Tenant: r.Tenant, Queue: r.Request.Queue, Share: r.Request.Share, Key: r.Request.LimitKey,
		Priority: r.Request.Priority, CPU: r.CPU, MemoryMB: r.MemoryMB, Size: r.Children(), Array: r.Request.Array != nil,
		CreatedAt: r.CreatedAt, retry: r.Request.Retry,
	}
	if j.retry == nil {
		j.retry = once
	}
	for _, d := range r.Request.DependsOn {
		if d.Type == slipway.DependsSequential {
			j.sequential = cmp.Or(d.On, slipway.OnSuccess)
		}
	}
	b.jobs[j.Num], b.ids[j.ID] = j, j
	b.turn.Touched[j.Num] = j
	b.restore(j, r, h)
	b.depend(j, r, past, now)
	b.settle(now)
	return j
}

// restore takes over what has happened to the children.
func (b *Book) restore(j *Job, r slipway.JobRecord, h History) {
	if r.Request.Depends(slipway.DependsNToN) {
		j.missing = make([]uint8, j.Size)
	}
	for _, d := range h.Done {
		for i := d[0]; i < d[1]; i++ {
			j.takeOne(i)
		}
	}
	for _, s := range h.Slices {
		if j.missing != nil {
			for i := s.From; i < s.To; i++ {
				j.missing[i] = begun
			}
		}
		if !s.Given() {
			b.wait(j, &s)
			continue
		}
		slice := &Slice{JobSlice: s, Owner: j, ended: make([]bool, s.To-s.From), left: s.To - s.From}
		for _, i := range h.Ended[s.Assignment] {
			slice.ended[i-s.From] = true
			slice.left--
			delete(slice.Live, i)
		}
		b.give(slice)
	}
}

// give says that an invoker has a slice.
func (b *Book) give(s *Slice) {
	if s.Owner.given == nil { // a million jobs wait without one
		s.Owner.given = map[string]*Slice{}
	}
	s.Owner.given[s.Assignment], b.given[s.Assignment] = s, s
}

// wait puts a slice in line for its attempt.
func (b *Book) wait(j *Job, s *slipway.JobSlice) {
	if s.NotBefore.IsZero() {
		j.waiting = append(j.waiting, s)
		return
	}
	j.delayed = append(j.delayed, s)
	b.delayed[j] = struct{}{}
}

// Due lets begin what had to wait until now.
func (b *Book) Due(now time.Time) {
	for j := range b.delayed {
		rest := j.delayed[:0]
		for _, s := range j.delayed {
			if s.NotBefore.After(now) {
				rest = append(rest, s)
				continue
			}
			s.NotBefore = time.Time{}
			j.waiting = append(j.waiting, s)
			b.turn.Touched[j.Num] = j
		}
		if j.delayed = rest; len(rest) == 0 {
			j.delayed = nil
			delete(b.delayed, j)
		}
	}
}

// Take gives the first n children that are ready to an invoker: given says which, in all
// that a slice has for that.
func (b *Book) Take(num int64, n int, given slipway.JobSlice) *Slice {
	j := b.jobs[num]
	var s *slipway.JobSlice
	if len(j.waiting) > 0 {
		s = b.takeWaiting(j, n)
	} else {
		s = j.takeFresh(n)
	}
	s.Assignment, s.Invoker, s.Incarnation, s.Environment, s.GivenAt = given.Assignment, given.Invoker, given.Incarnation, given.Environment, given.GivenAt
	s.Live = nil
	slice := &Slice{JobSlice: *s, Owner: j, ended: make([]bool, n), left: n}
	b.give(slice)
	b.put(&slice.JobSlice)
	if !j.Array {
		j.Status, j.Reason = slipway.JobStarting, ""
	}
	b.touch(j)
	return slice
}

// takeWaiting takes the first n children of the first slice that waits. What is left
// stays in its place.
func (b *Book) takeWaiting(j *Job, n int) *slipway.JobSlice {
	first := j.waiting[0]
	s := *first
	s.To = s.From + n
	if s.To == first.To {
		j.waiting = j.waiting[1:]
		return &s
	}
	rest := *first
	rest.From = s.To
	j.waiting[0] = &rest
	b.put(&rest)
	return &s
}
