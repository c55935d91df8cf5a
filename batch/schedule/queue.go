package schedule

import (
	"container/heap"
	"math"
	"time"

	"github.com/slipway-run/slipway"
)

// queue is the jobs of one queue that could run, and what its running ones have.
type queue struct {
	slipway.Queue
	running int
	used    int64 // thousandths of a vCPU
	keys    map[string]int
	shares  map[string]*share
	aside   []*entry // that would fit nowhere, until something changes
}

// share is one share of a fair queue; another queue has the single one "".
type share struct {
	name    string
	weight  float64
	used    int64   // thousandths of a vCPU that its attempts have now
	average float64 // of used, decayed, as of at
	at      time.Time
	lines   map[string]*line // by limit_key
}

// entry is a job on the board. It is in at most one line, and may be there although it
// has nothing ready any more: then it goes when it is seen.
type entry struct {
	Job
	line  *line
	aside bool
	holds string // the invoker where it waits for room
}

// line is jobs in their order.
type line []*entry

func (l line) Len() int { return len(l) }
func (l line) Less(i, j int) bool {
	return before(l[i], l[j])
}
func (l line) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l *line) Push(v any)   { *l = append(*l, v.(*entry)) }
func (l *line) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}

func before(a, b *entry) bool {
	if a.Priority != b.Priority {
		return a.Priority > b.Priority
	}
	return a.Num < b.Num
}

func newQueue(q slipway.Queue) *queue {
	return &queue{Queue: q, keys: map[string]int{}, shares: map[string]*share{}}
}

// fair says whether shares take turns.
func (q *queue) fair() bool { return q.Policy.Type == "fair" }

// change takes over a new configuration, which may put the jobs into other shares.
func (q *queue) change(to slipway.Queue, now time.Time) {
	wasFair := q.fair()
	for _, s := range q.shares {
		s.advance(now, q.decay())
	}
	q.Queue = to
	if wasFair == q.fair() {
		for _, s := range q.shares {
			s.weight = q.weight(s.name)
		}
		return
	}
	old := q.shares
	q.shares = map[string]*share{}
	for _, s := range old {
		for _, l := range s.lines {
			for _, e := range *l {
				e.line = nil
				q.add(e)
			}
		}
		if q.fair() { // what runs now ends as part of the shares it would be in
			continue
		}
		q.share("").used += s.used
	}
}

// share is the one with a name.
func (q *queue) share(name string) *share {
	switch {
	case !q.fair():
		name = ""
	case name == "":
		name = "default"
	}
	s := q.shares[name]
	if s == nil {
		s = &share{name: name, weight: q.weight(name), lines: map[string]*line{}}
		q.shares[name] = s
	}
	return s
}

// weight is what the policy says, where a trailing * is any rest; 1 when it says nothing.
func (q *queue) weight(name string) float64 {
	if w, ok := q.Policy.Shares[name]; ok {
		return w
	}
	best, weight := -1, 1.0
	for pattern, w := range q.Policy.Shares {
		if Matches(pattern, name) && len(pattern) > best {
			best, weight = len(pattern), w
		}
	}
	return weight
}

const defaultDecay = 10 * time.Minute

func (q *queue) decay() time.Duration {
	if q.Policy.Decay == 0 {
		return defaultDecay
	}
	return time.Duration(q.Policy.Decay)
}

// advance brings the average to a moment.
func (s *share) advance(now time.Time, decay time.Duration) {
	if dt := now.Sub(s.at); s.at.IsZero() {
		s.at = now
	} else if dt > 0 {
		rest := math.Exp2(-float64(dt) / float64(decay))
		s.average = s.average*rest + float64(s.used)/1000*(1-rest)
		s.at = now
	}
}

// claim is what orders shares: the least is next.
func (s *share) claim() float64 { return s.weight * (float64(s.used)/1000 + s.average) }

func (q *queue) account(h Held, n int64, now time.Time) {
	q.running += int(n)
	q.used += h.Need.CPU * n
	if h.Key != "" {
		if q.keys[h.Key] += int(n); q.keys[h.Key] <= 0 {
			delete(q.keys, h.Key)
		}
	}
	s := q.share(h.Share)
	s.advance(now, q.decay())
	s.used = max(0, s.used+h.Need.CPU*n)
}

// add puts an entry that has something ready into its line.
func (q *queue) add(e *entry) {
	if e.line != nil || e.aside {
		return
	}
	s := q.share(e.Share)
	l := s.lines[e.Key]
	if l == nil {
		l = &line{}
		s.lines[e.Key] = l
	}
	e.line = l
	heap.Push(l, e)
}

// keyRoom is how many more jobs with a key may run.
func (q *queue) keyRoom(key string) int {
	if key == "" {
		return math.MaxInt32
	}
	limit, ok := q.KeyLimits[key]
	if !ok {
		if limit, ok = q.KeyLimits["*"]; !ok {
			return math.MaxInt32
		}
	}
	return limit - q.keys[key]
}

// room is how many more jobs may run.
func (q *queue) room() int {
	if q.MaxRunning == 0 {
		return math.MaxInt32
	}
	return q.MaxRunning - q.running
}

// head is the first entry of a share that its limit_key does not keep; nil for none.
func (q *queue) head(s *share) *entry {
	var first *entry
	for key, l := range s.lines {
		for len(*l) > 0 && (*l)[0].Ready == 0 {
			heap.Pop(l).(*entry).line = nil
		}
		if len(*l) == 0 {
			delete(s.lines, key)
			continue
		}
		if e := (*l)[0]; q.keyRoom(key) > 0 && (first == nil || before(e, first)) {
			first = e
		}
	}
	return first
}

// next is the entry whose turn it is; nil for none.
func (q *queue) next() *entry {
	var turn *share
	var first *entry
	for _, s := range q.shares {
		if turn != nil && (s.claim() > turn.claim() || s.claim() == turn.claim() && s.name > turn.name) {
			continue
		}
		if e := q.head(s); e != nil {
			turn, first = s, e
		}
	}
	return first
}

// active is the shares that have something ready or running.
func (q *queue) active() int {
	n := 0
	for _, s := range q.shares {
		if s.used > 0 || q.head(s) != nil {
			n++
		}
	}
	return n
}

// setAside takes an entry out of the lines until something changes.
func (q *queue) setAside(e *entry) {
	e.aside = true
	for i, other := range *e.line {
		if other == e {
			heap.Remove(e.line, i)
			break
		}
	}
	e.line = nil
	q.aside = append(q.aside, e)
}
