package sim

import (
	"slices"
	"time"

	"github.com/slipway-run/slipway"
)

// windows says how long idle instances stay.
type windows interface {
	// arrived and ended are told every invocation of a function.
	arrived(function int, now time.Duration)
	ended(function int, now time.Duration)
	// idle is asked when an instance falls idle: it is closed now and started again
	// after ahead, unless that is 0, and then stays for keep.
	idle(function int) (ahead, keep time.Duration)
}

// fixed keeps every idle instance equally long.
type fixed time.Duration

func (fixed) arrived(int, time.Duration)             {}
func (fixed) ended(int, time.Duration)               {}
func (f fixed) idle(int) (ahead, keep time.Duration) { return 0, time.Duration(f) }

// windowed is a node that keeps idle instances for a time which its policy names, and
// runs one invocation at a time on each. It starts an instance for every invocation that
// finds none idle; who waits takes whatever is free first. When it needs the room, it
// closes what has been idle longest.
type windowed struct {
	c       *cluster
	id      int
	windows windows
	free    int // MiB
	closing int // MiB that come back
	shelves map[int]*shelf
	present []*shelf // those that have instances or a queue, and some that had
	idle    list     // instances of all functions, the one idle longest first
	hungry  []*shelf // whose invocations wait for room
}

// shelf is one function on one node.
type shelf struct {
	function  int
	idle      []*instance // the one used last at the end
	queue     []*invocation
	starting  int
	instances int
	hungry    bool
	listed    bool // in windowed.present
	arrivals  int
}

// shelved is what a windowed node remembers of an instance.
type shelved struct {
	keep       time.Duration // of the idle time under way
	due        time.Duration // when it is looked at; 0 when it is not
	prev, next *instance     // in windowed.idle
}

func newWindowed(c *cluster, id int, windows windows) *windowed {
	return &windowed{c: c, id: id, windows: windows, free: c.w.cfg.MemoryMB, shelves: map[int]*shelf{}}
}

func (n *windowed) shelf(function int) *shelf {
	s := n.shelves[function]
	if s == nil {
		s = &shelf{function: function}
		n.shelves[function] = s
	}
	return s
}

// list has s be published.
func (n *windowed) list(s *shelf) {
	if !s.listed {
		s.listed = true
		n.present = append(n.present, s)
	}
}

func (n *windowed) arrive(inv *invocation) {
	n.windows.arrived(inv.function, n.c.w.now)
	s := n.shelf(inv.function)
	s.arrivals++
	if k := len(s.idle); k > 0 {
		on := s.idle[k-1]
		s.idle = s.idle[:k-1]
		n.idle.remove(on)
		n.c.w.begin(inv, on, warm)
		return
	}
	s.queue = append(s.queue, inv)
	n.list(s)
	n.attend(s)
}

func (n *windowed) ended(inv *invocation) {
	n.windows.ended(inv.function, n.c.w.now)
	s, on := n.shelf(inv.function), inv.instance
	if n.serve(s, on, queued) {
		return
	}
	ahead, keep := n.windows.idle(s.function)
	if ahead > 0 && s.instances == 1 {
		n.close(s, on)
		n.c.w.after(ahead, &startAhead{n, s, s.arrivals, keep})
		return
	}
	n.shelve(s, on, keep)
}

// serve gives on to who waits first.
func (n *windowed) serve(s *shelf, on *instance, how how) bool {
	if len(s.queue) == 0 {
		return false
	}
	inv := s.queue[0]
	s.queue = s.queue[1:]
	n.c.w.begin(inv, on, how)
	return true
}

// attend starts instances for those who wait, as far as there is room, and refuses them
// when nothing can ever serve them.
func (n *windowed) attend(s *shelf) {
	n.expire(s)
	for len(s.queue) > s.starting {
		if n.start(s, 0) {
			continue
		}
		if s.instances == 0 && n.free+n.closing < n.need(s) {
			for _, inv := range s.queue {
				n.c.refused(inv, errNoRoom)
			}
			s.queue = nil
			return
		}
		if !s.hungry {
			s.hungry = true
			n.hungry = append(n.hungry, s)
		}
		return
	}
}

// longestWait is for how long one waits at most, as the ledger has it.
const longestWait = 30 * time.Second

// expire refuses those who have waited for too long.
func (n *windowed) expire(s *shelf) {
	for len(s.queue) > s.starting && n.c.w.now-s.queue[0].arrived > longestWait {
		inv := s.queue[0]
		s.queue = s.queue[1:]
		n.c.refused(inv, errNoRoom)
	}
}

func (n *windowed) need(s *shelf) int { return n.c.w.functions[s.function].spec.Config.MemoryMB }

// start orders an instance, or closes idle ones so that there is room for one soon. keep
// is how long it stays when nobody waits for it.
func (n *windowed) start(s *shelf, keep time.Duration) bool {
	need := n.need(s)
	if n.free < need {
		for on := n.idle.head; on != nil && n.free+n.closing < need; on = n.idle.head {
			n.evict(on)
		}
		return false
	}
	n.free -= need
	s.starting++
	s.instances++
	n.list(s)
	n.c.w.launch(s.function, n.id, func(on *instance) action { return &shelfStarted{n, s, on, keep} })
	return true
}

func (n *windowed) evict(on *instance) {
	if n.c.w.now >= n.c.w.cfg.Skip {
		n.c.w.result.Evicted++
	}
	n.unshelve(on)
}

// unshelve closes an idle instance.
func (n *windowed) unshelve(on *instance) {
	s := n.shelf(on.function)
	n.idle.remove(on)
	for i := range s.idle {
		if s.idle[i] == on {
			s.idle = append(s.idle[:i], s.idle[i+1:]...)
			break
		}
	}
	n.close(s, on)
}

func (n *windowed) close(s *shelf, on *instance) {
	s.instances--
	n.closing += on.memoryMB
	n.c.w.meter.set(on, closing, n.c.w.now)
	n.c.w.after(n.c.w.cfg.Close, &shelfGone{n, on})
}

// shelve keeps an idle instance for a time.
func (n *windowed) shelve(s *shelf, on *instance, keep time.Duration) {
	w := n.c.w
	s.idle = append(s.idle, on)
	n.idle.push(on)
	on.shelved.keep = keep
	if due := w.now + keep; on.shelved.due == 0 || due < on.shelved.due {
		on.shelved.due = due
		w.at(due, &shelfDue{n, on})
	}
}

func (n *windowed) counts() []slipway.VersionCount {
	counts := make([]slipway.VersionCount, 0, len(n.present))
	n.present = slices.DeleteFunc(n.present, func(s *shelf) bool {
		s.listed = s.instances > 0 || len(s.queue) > 0
		if s.listed {
			counts = append(counts, slipway.VersionCount{VersionRef: n.c.w.functions[s.function].spec.VersionRef,
				Instances: s.instances, Free: len(s.idle), Waiting: len(s.queue)})
		}
		return !s.listed
	})
	return counts
}

func (n *windowed) freeMB() int { return n.free }
