package life_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch/life"
)

// rows is the store as a book's turns write it.
type rows struct {
	t        *testing.T
	records  map[int64]slipway.JobRecord
	slices   map[[3]int64]slipway.JobSlice // by job, attempt, from
	attempts map[[3]int64]slipway.AttemptRecord
	endings  []slipway.JobEnding
	given    map[[3]int64]bool // attempts that were given: job, child, attempt
}

func newRows(t *testing.T) *rows {
	return &rows{t: t, records: map[int64]slipway.JobRecord{}, slices: map[[3]int64]slipway.JobSlice{},
		attempts: map[[3]int64]slipway.AttemptRecord{}, given: map[[3]int64]bool{}}
}

func keyOf(s slipway.JobSlice) [3]int64 { return [3]int64{s.Job, int64(s.Attempt), int64(s.From)} }

func (r *rows) apply(c slipway.JobChanges) {
	r.t.Helper()
	for _, s := range c.States {
		record := r.records[s.Num]
		record.JobState = s
		r.records[s.Num] = record
	}
	for _, s := range c.Drop {
		delete(r.slices, keyOf(s))
	}
	for _, s := range c.Put {
		s.Live = maps.Clone(s.Live)
		r.slices[keyOf(s)] = s
		if s.Given() {
			for i := s.From; i < s.To; i++ {
				r.given[[3]int64{s.Job, int64(i), int64(s.Attempt)}] = true
			}
		}
	}
	for _, a := range c.Attempts {
		key := [3]int64{a.Job, int64(a.Index), int64(a.Attempt)}
		if _, twice := r.attempts[key]; twice {
			r.t.Fatalf("attempt %v has two outcomes", key)
		}
		r.attempts[key] = a
	}
	r.endings = append(r.endings, c.Endings...)
}

// done are the outcomes of a job's children.
func (r *rows) done(num int64) map[int]bool {
	all := map[int]bool{}
	for _, a := range r.attempts {
		if a.Job == num && a.Outcome <= slipway.AttemptFailed {
			all[a.Index] = a.Outcome == slipway.AttemptSucceeded
		}
	}
	for _, e := range r.endings {
		for i := e.From; i < e.To && e.Job == num; i++ {
			all[i] = false
		}
	}
	return all
}

// Ended implements life.Past.
func (r *rows) Ended(id string) (ended, succeeded, known bool) {
	parent, child, _ := slipway.SplitJobID(id)
	for _, j := range r.records {
		if j.ID != parent {
			continue
		}
		if child < 0 {
			return j.Status.Ended(), j.Status == slipway.JobSucceeded, true
		}
		ok, ended := r.done(j.Num)[child]
		return ended, ok, true
	}
	return true, true, false
}

// Children implements life.Past.
func (r *rows) Children(id string, f func(from, to int, succeeded bool)) {
	for _, j := range r.records {
		if j.ID == id {
			for i, ok := range r.done(j.Num) {
				f(i, i+1, ok)
			}
		}
	}
}

// load makes a book of what is written, as a scheduler does that takes over.
func (r *rows) load(now time.Time) *life.Book {
	b := life.New()
	for _, num := range slices.Sorted(maps.Keys(r.records)) {
		if j := r.records[num]; !j.Status.Ended() {
			b.Add(j, r.history(j), r, now)
		}
	}
	return b
}

func (r *rows) history(j slipway.JobRecord) life.History {
	h := life.History{Ended: map[string][]int{}}
	for _, key := range slices.SortedFunc(maps.Keys(r.slices), func(a, b [3]int64) int { return slices.Compare(a[:], b[:]) }) {
		s := r.slices[key]
		if s.Job != j.Num {
			continue
		}
		s.Live = maps.Clone(s.Live)
		h.Slices = append(h.Slices, s)
		for i := s.From; i < s.To && s.Given(); i++ {
			if _, over := r.attempts[[3]int64{s.Job, int64(i), int64(s.Attempt)}]; over {
				h.Ended[s.Assignment] = append(h.Ended[s.Assignment], i)
			}
		}
	}
	for i := range r.done(j.Num) {
		if i >= j.Next || j.Request.Depends(slipway.DependsNToN) {
			h.Done = append(h.Done, [2]int{i, i + 1})
		}
	}
	return h
}

// play is a random life of jobs, with schedulers that follow each other.
type play struct {
	*rows
	rand *rand.Rand
	book *life.Book
	now  time.Time
	n    int
}

func (p *play) turn() { p.apply(p.book.Turn().Changes) }

func (p *play) add(num int64) {
	q := slipway.JobRequest{Name: "j", Queue: "q", Retry: &slipway.RetryStrategy{Attempts: 1 + p.rand.IntN(3)}}
	if p.rand.IntN(3) > 0 {
		q.Array = &slipway.ArrayRequest{Size: 12}
		if p.rand.IntN(3) == 0 {
			q.DependsOn = append(q.DependsOn, slipway.JobDependency{Type: slipway.DependsSequential, On: p.condition()})
		}
	}
	for _, other := range slices.Sorted(maps.Keys(p.records)) {
		j := p.records[other]
		if p.rand.IntN(5) > 0 {
			continue
		}
		d := slipway.JobDependency{Job: j.ID, On: p.condition()}
		if j.Request.Array != nil && q.Array != nil && p.rand.IntN(2) == 0 {
			d.Type = slipway.DependsNToN
		} else if j.Request.Array != nil && p.rand.IntN(2) == 0 {
			d.Job = slipway.ChildID(j.ID, p.rand.IntN(12))
		}
		q.DependsOn = append(q.DependsOn, d)
	}
	record := slipway.JobRecord{ID: fmt.Sprint("job", num), Tenant: "t", Request: q, CPU: 1, MemoryMB: 64,
		JobState: slipway.JobState{Num: num, Status: slipway.JobSubmitted}}
	p.records[num] = record
	p.book.Add(record, life.History{}, p, p.now)
}

func (p *play) condition() slipway.Condition {
	return []slipway.Condition{"", slipway.OnFailure, slipway.OnAny, slipway.OnAny}[p.rand.IntN(4)]
}

// step does one thing that can happen.
func (p *play) step() {
	p.now = p.now.Add(10 * time.Second)
	p.book.Due(p.now)
	jobs := slices.Sorted(maps.Keys(p.book.Jobs()))
	if len(jobs) == 0 {
		return
	}
	j := p.book.Job(jobs[p.rand.IntN(len(jobs))])
	switch roll := p.rand.IntN(100); {
	case roll < 45:
		p.take(j)
	case roll < 94:
		p.report()
	case roll < 96:
		p.book.Lose("i", fmt.Sprint(p.rand.IntN(3)), "killed", p.now)
	case roll < 98:
		child := p.rand.IntN(j.Size+1) - 1
		if child >= 0 && (!j.Array || j.Over(child)) {
			return
		}
		if p.rand.IntN(2) == 0 {
			_ = p.book.Cancel(j, child, "test", p.now) // refused when it has begun
		} else {
			_ = p.book.Terminate(j, child, "test", p.now)
		}
	default:
		p.turn()
		p.book = p.load(p.now)
	}
}

func (p *play) take(j *life.Job) {
	if n, _ := j.Ready(); n > 0 {
		p.n++
		p.turn()
		s := p.book.Take(j.Num, 1+p.rand.IntN(n), slipway.JobSlice{Assignment: fmt.Sprint("a", p.n), Invoker: "i", Incarnation: fmt.Sprint(p.rand.IntN(3)), GivenAt: p.now})
		for i := s.From; i < s.To; i++ {
			p.mayRun(p.records[j.Num], i)
		}
	}
}

// mayRun fails the test when something that a child depends on has not ended as it should.
func (p *play) mayRun(j slipway.JobRecord, child int) {
	for _, d := range j.Request.DependsOn {
		id := d.Job
		switch d.Type {
		case slipway.DependsNToN:
			id = slipway.ChildID(d.Job, child)
		case slipway.DependsSequential:
			if child == 0 {
				continue
			}
			id = slipway.ChildID(j.ID, child-1)
		}
		ended, ok, _ := p.Ended(id)
		if !ended || d.On == "" && !ok || d.On == slipway.OnFailure && ok {
			p.t.Fatalf("child %d of %s runs; of what it depends on %s has ended %v, succeeded %v, on %q", child, j.ID, id, ended, ok, d.On)
		}
	}
}

func (p *play) report() {
	given := slices.Sorted(maps.Keys(p.book.Slices()))
	if len(given) == 0 {
		return
	}
	s := p.book.Slice(given[p.rand.IntN(len(given))])
	r := slipway.AttemptReport{Assignment: s.Assignment, Index: s.From + p.rand.IntN(s.To-s.From), Attempt: s.Attempt, At: p.now}
	r.Event = []slipway.AttemptEvent{slipway.AttemptStarted, slipway.AttemptFrozen, slipway.AttemptThawed, slipway.AttemptReturned, slipway.AttemptRefused,
		slipway.AttemptUnstarted, slipway.AttemptEnded, slipway.AttemptEnded, slipway.AttemptEnded, slipway.AttemptEnded, slipway.AttemptEnded}[p.rand.IntN(11)]
	if r.Event == slipway.AttemptEnded {
		status := p.rand.IntN(3) / 2
		if r.ExitCode = &status; status > 0 {
			r.Reason = "Error: exit status 1"
		}
	}
	p.book.Report(r, p.now)
	if p.book.Report(slipway.AttemptReport{Assignment: s.Assignment, Index: r.Index, Attempt: s.Attempt + 1, Event: slipway.AttemptEnded}, p.now) {
		p.t.Fatal("a report about an attempt that does not exist was believed")
	}
}

// Whatever happens, in whatever order, and whenever another scheduler takes over: every job
// ends, every child has exactly one outcome, every attempt that was given has exactly one,
// and no child ran whose dependency was not met.
func TestRandomLives(t *testing.T) {
	for seed := range uint64(300) {
		p := &play{rows: newRows(t), rand: rand.New(rand.NewPCG(seed, 7)), book: life.New(), now: time.Unix(1_700_000_000, 0)}
		for num := range int64(8) {
			p.add(num + 1)
			for range p.rand.IntN(40) {
				p.step()
			}
			if p.rand.IntN(2) == 0 { // else the next job comes before what happened is written
				p.turn()
			}
		}
		p.turn()
		for steps := 0; len(p.book.Jobs()) > 0; steps++ {
			p.step()
			if p.turn(); steps > 100_000 {
				t.Fatalf("seed %d: jobs do not end: %v", seed, p.stuck())
			}
		}
		p.check(seed)
		if t.Failed() {
			return
		}
	}
}

func (p *play) stuck() (all []string) {
	for _, j := range p.book.Jobs() {
		ready, _ := j.Ready()
		open, waits := j.Open()
		counts := map[slipway.JobStatus]int{}
		j.Counts(counts)
		all = append(all, fmt.Sprintf("%s %s ready %d open %v waits %v given %d counts %v next %d", j.ID, j.Status, ready, open, waits, len(j.Given()), counts, j.Next))
	}
	return all
}

// Jobs that come together may depend on one that ends at once.
func TestDependenciesThatEndInTheSameTurn(t *testing.T) {
	p := &play{rows: newRows(t), book: life.New(), now: time.Unix(1_700_000_000, 0)}
	add := func(num int64, array bool, deps ...slipway.JobDependency) *life.Job {
		r := slipway.JobRecord{ID: fmt.Sprint("job", num), Request: slipway.JobRequest{DependsOn: deps}, JobState: slipway.JobState{Num: num, Status: slipway.JobSubmitted}}
		if array {
			r.Request.Array = &slipway.ArrayRequest{Size: 2}
		}
		p.records[num] = r
		return p.book.Add(r, life.History{}, p, p.now)
	}
	first := add(1, true)
	if err := p.book.Cancel(first, 1, "", p.now); err != nil {
		t.Fatal(err)
	}
	if j := add(2, true, slipway.JobDependency{Job: "job1", Type: slipway.DependsNToN}); j.Failed != 1 {
		t.Errorf("%d twins failed", j.Failed)
	}
	if j := add(3, true, slipway.JobDependency{Job: "job1:1"}); j.Status != slipway.JobFailed {
		t.Errorf("after a child that was cancelled: %s", j.Status)
	}
	if j := add(4, false, slipway.JobDependency{Job: "job3"}); j.Status != slipway.JobFailed {
		t.Errorf("after a job that failed: %s", j.Status)
	}
	if j := add(5, true, slipway.JobDependency{Job: "job3", Type: slipway.DependsNToN}); j.Status != slipway.JobFailed {
		t.Errorf("after the children of a job that failed: %s", j.Status)
	}
	j := add(6, false, slipway.JobDependency{Job: "job4", On: slipway.OnFailure}, slipway.JobDependency{Job: "job3:0", On: slipway.OnAny})
	if n, _ := j.Ready(); n != 1 {
		t.Errorf("because a job failed: %s, %d ready", j.Status, n)
	}
}

// What is lost says whether it had begun, and children are counted as they end.
func TestLostBeforeItBegan(t *testing.T) {
	b, now := life.New(), time.Unix(1_700_000_000, 0)
	b.Add(slipway.JobRecord{ID: "j", Tenant: "t", Request: slipway.JobRequest{Queue: "q", Array: &slipway.ArrayRequest{Size: 2}},
		JobState: slipway.JobState{Num: 1, Status: slipway.JobSubmitted}}, life.History{}, nil, now)
	b.Take(1, 2, slipway.JobSlice{Assignment: "a", Invoker: "i", Incarnation: "n"})
	b.Report(slipway.AttemptReport{Assignment: "a", Index: 1, Attempt: 1, Event: slipway.AttemptStarted, At: now}, now)
	b.Lose("i", "n", "it is gone", now)
	turn := b.Turn()
	for i, want := range []string{"Host lost: it is gone; as far as is known it had not begun", "Host lost: it is gone"} {
		if got := turn.Changes.Attempts[i].Reason; got != want {
			t.Errorf("child %d: %s", i, got)
		}
	}
	if err := b.Cancel(b.Job(1), -1, "enough", now); err != nil {
		t.Fatal(err)
	}
	if n := b.Turn().Tally[life.Outcome{Tenant: "t", Queue: "q", Status: slipway.JobFailed}]; n != 2 || len(turn.Tally) > 0 {
		t.Errorf("%d children have ended, and %v before", n, turn.Tally)
	}
}

func (p *play) check(seed uint64) {
	if len(p.slices) > 0 {
		p.t.Errorf("seed %d: there are slices of jobs that have ended: %+v", seed, p.slices)
	}
	for key := range p.given {
		if _, ok := p.attempts[key]; !ok {
			p.t.Errorf("seed %d: attempt %v was given and has no outcome", seed, key)
		}
	}
	for num, j := range p.records {
		done := p.done(num)
		good := 0
		for _, ok := range done {
			if ok {
				good++
			}
		}
		single := j.Request.Array == nil && j.Failed == 1 && len(done) == 0 // it never ran: its row says why
		if len(done) != j.Children() && !single || j.Succeeded != good || j.Succeeded+j.Failed != j.Children() || j.StoppedAt == nil {
			p.t.Errorf("seed %d: job %d of %d children has %d outcomes, %d good: %+v", seed, num, j.Children(), len(done), good, j.JobState)
		}
		p.numbered(seed, num, j.Children())
	}
}

// numbered: the attempts of each child are 1, 2, 3 … and only the last is an outcome.
func (p *play) numbered(seed uint64, num int64, size int) {
	for i := range size {
		n := int64(1)
		for ; ; n++ {
			a, ok := p.attempts[[3]int64{num, int64(i), n}]
			if !ok {
				break
			}
			_, more := p.attempts[[3]int64{num, int64(i), n + 1}]
			if final := a.Outcome <= slipway.AttemptFailed; final && more {
				p.t.Errorf("seed %d: child %d of job %d went on after attempt %d", seed, i, num, n)
			}
		}
	}
}
