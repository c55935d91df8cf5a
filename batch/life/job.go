package life

import (
	"cmp"
	"time"

	"github.com/slipway-run/slipway"
)

// Job is what there is to know of a job that has not ended.
type Job struct {
	slipway.JobState
	ID, Tenant, Queue string
	Share, Key        string // limit_key
	Priority          int
	CPU               float64
	MemoryMB          int // of a first attempt
	Size              int // children
	Array             bool
	CreatedAt         time.Time
	RunnableAt        time.Time // when it last became able to run

	retry      *slipway.RetryStrategy
	sequential slipway.Condition // child i waits for child i-1; "" when it does not
	open       bool              // nothing that it depends on as a whole is left
	whole      int               // such things
	waitsFor   []string          // their ids

	waiting []*slipway.JobSlice // for an attempt that could begin now, in order
	delayed []*slipway.JobSlice // for one that may not yet
	given   map[string]*Slice   // by assignment
	holes   map[int]bool        // children at or above Next that have ended

	// Of a job with N_TO_N dependencies: how many children of others each child waits
	// for, or begun; and those that wait for none.
	missing  []uint8
	released []span
}

// begun in missing says that a child is not one of those that have not begun.
const begun = 255

type span struct{ from, to int }

// Slice is children that an invoker has.
type Slice struct {
	slipway.JobSlice
	Owner *Job
	ended []bool // by child from From
	left  int
}

// Left is how many children have not ended.
func (s *Slice) Left() int { return s.left }

// Over says whether a child's attempt has ended.
func (s *Slice) over(index int) bool {
	return index < s.From || index >= s.To || s.ended[index-s.From]
}

// Memory is MiB that each attempt of s is allowed.
func (s *Slice) Memory() int { return cmp.Or(s.MemoryMB, s.Owner.MemoryMB) }

// Spans gives the neighbouring children of s that have not ended.
func (s *Slice) Spans(f func(from, to int)) {
	for i := s.From; i < s.To; {
		if s.over(i) {
			i++
			continue
		}
		from := i
		for i < s.To && !s.over(i) {
			i++
		}
		f(from, i)
	}
}

// Given are the slices that invokers have.
func (j *Job) Given() map[string]*Slice { return j.given }

// Open says whether nothing that j depends on as a whole is left; the second is what is.
func (j *Job) Open() (bool, []string) { return j.open, j.waitsFor }

// Ready is how many children could begin now that are allowed the same memory in MiB.
func (j *Job) Ready() (n, memoryMB int) {
	if !j.open || j.Stop != "" {
		return 0, 0
	}
	if len(j.waiting) > 0 {
		s := j.waiting[0]
		return s.To - s.From, cmp.Or(s.MemoryMB, j.MemoryMB)
	}
	from, to := j.fresh()
	return to - from, j.MemoryMB
}

// fresh is the next children that have not begun and could.
func (j *Job) fresh() (from, to int) {
	switch {
	case j.sequential != "":
		if j.Next >= j.Size || len(j.given)+len(j.waiting)+len(j.delayed) > 0 || j.missing != nil && j.missing[j.Next] > 0 {
			return 0, 0
		}
		return j.Next, j.Next + 1
	case j.missing != nil:
		if len(j.released) == 0 {
			return 0, 0
		}
		return j.released[0].from, j.released[0].to
	}
	if len(j.holes) == 0 {
		return j.Next, j.Size
	}
	to = j.Next
	for to < j.Size && !j.holes[to] {
		to++
	}
	return j.Next, to
}

// skip moves Next over children that have ended.
func (j *Job) skip() {
	for j.Next < j.Size && j.holes[j.Next] {
		delete(j.holes, j.Next)
		j.Next++
	}
}

// takeFresh makes the first n of fresh begin.
func (j *Job) takeFresh(n int) *slipway.JobSlice {
	from, _ := j.fresh()
	s := &slipway.JobSlice{Job: j.Num, From: from, To: from + n, Attempt: 1}
	if j.missing == nil || j.sequential != "" {
		j.Next = from + n
		j.skip()
	} else if j.released[0].from += n; j.released[0].from == j.released[0].to {
		j.released = j.released[1:]
	}
	if j.missing != nil {
		for i := s.From; i < s.To; i++ {
			j.missing[i] = begun
		}
	}
	return s
}

// release says that a child waits for nobody any more.
func (j *Job) release(i int) {
	if j.sequential != "" {
		return // Next says which is next
	}
	if n := len(j.released); n > 0 && j.released[n-1].to == i {
		j.released[n-1].to++
		return
	}
	j.released = append(j.released, span{i, i + 1})
}

// virgin gives the neighbouring children that have not begun, and takes them out.
func (j *Job) takeVirgin(f func(from, to int)) {
	if j.missing != nil && j.sequential == "" {
		for i := 0; i < j.Size; {
			if j.missing[i] == begun {
				i++
				continue
			}
			from := i
			for ; i < j.Size && j.missing[i] != begun; i++ {
				j.missing[i] = begun
			}
			f(from, i)
		}
		j.released = nil
		return
	}
	for i := j.Next; i < j.Size; {
		if j.holes[i] {
			i++
			continue
		}
		from := i
		for i < j.Size && !j.holes[i] {
			i++
		}
		f(from, i)
	}
	j.Next, j.holes = j.Size, nil
}

// takeOne takes out a child that has not begun, and says whether it was one.
func (j *Job) takeOne(i int) bool {
	if j.missing != nil && j.sequential == "" {
		if j.missing[i] == begun {
			return false
		}
		j.missing[i] = begun
		for k, s := range j.released {
			if s.from <= i && i < s.to {
				rest := append([]span(nil), j.released[k+1:]...)
				j.released = j.released[:k]
				for _, part := range []span{{s.from, i}, {i + 1, s.to}} {
					if part.from < part.to {
						j.released = append(j.released, part)
					}
				}
				j.released = append(j.released, rest...)
				break
			}
		}
		return true
	}
	if i < j.Next || j.holes[i] {
		return false
	}
	if j.holes == nil {
		j.holes = map[int]bool{}
	}
	j.holes[i] = true
	j.skip()
	return true
}
