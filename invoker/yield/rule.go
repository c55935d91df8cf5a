package yield

import (
	"cmp"
	"slices"
	"time"

	"github.com/slipway-run/slipway"
)

// Config is what a rule is told. The zero value of a duration means the default.
type Config struct {
	// CPU is the vCPUs of the machine.
	CPU float64
	// Settle is over how long demand is averaged; 20ms.
	Settle time.Duration
	// LeastQuiet and MostQuiet bound for how long demand must have been lower until jobs
	// go on; 100ms and 1s.
	LeastQuiet, MostQuiet time.Duration
}

const (
	defaultSettle     = 20 * time.Millisecond
	defaultLeastQuiet = 100 * time.Millisecond
	defaultMostQuiet  = time.Second
)

// Job is an attempt that has begun.
type Job struct {
	ID         string
	CPU        float64 // vCPUs that it may use
	Priority   int     // of its queue
	Preemption slipway.Preemption
	Number     int64 // in the order in which they began
	Still      bool  // it stands still

	// Environment is whose job it is, and MinCPU the vCPUs that jobs of it keep here.
	Environment string
	MinCPU      float64
}

// Decision is what is to be done now.
type Decision struct {
	Freeze, Thaw []string  // jobs, by id; those to be frozen in this order
	Next         time.Time // when to ask again although nothing happens; zero is never
}

// Rule is the state that the decisions need.
type Rule struct {
	cfg    Config
	demand demand
	past   window
	since  time.Time // when the first of those that stand still began to; zero: none does
}

// New makes a rule for a machine on which nothing has happened.
func New(cfg Config) *Rule {
	cfg.Settle = cmp.Or(cfg.Settle, defaultSettle)
	cfg.LeastQuiet = cmp.Or(cfg.LeastQuiet, defaultLeastQuiet)
	cfg.MostQuiet = cmp.Or(cfg.MostQuiet, defaultMostQuiet)
	return &Rule{cfg: cfg, demand: demand{settle: cfg.Settle, used: 1}}
}

// Look says who is to stand still and who to go on, when the instances at work may use so
// many vCPUs by their configuration. now never goes back.
func (r *Rule) Look(now time.Time, wanted float64, jobs []Job) Decision {
	r.demand.tell(wanted, now)
	r.past.add(now, r.demand.value(), r.cfg.MostQuiet)
	still := stillOf(r.cfg.CPU, r.held(now), jobs)
	var d Decision
	any := false
	for i, j := range jobs {
		switch {
		case still[i] && !j.Still:
			d.Freeze = append(d.Freeze, j.ID)
		case !still[i] && j.Still:
			d.Thaw = append(d.Thaw, j.ID)
		}
		any = any || still[i]
	}
	slices.Reverse(d.Freeze)
	if r.since.IsZero() || !any {
		r.since = time.Time{}
		if any {
			r.since = now
		}
	}
	d.Next = r.next(now, any, jobs)
	return d
}

// Used tells how much processor time the instances of functions used since it was told
// last, in seconds: about once a second while there are jobs.
func (r *Rule) Used(now time.Time, seconds float64) { r.demand.learn(seconds, now) }

// Held is the vCPUs that jobs do without for the sake of functions.
func (r *Rule) Held(now time.Time) float64 { return r.held(now) }

// held is the most that functions wanted in the last while. What was wanted when jobs had
// stood still for some time counts for as long again.
func (r *Rule) held(now time.Time) float64 {
	for _, m := range r.past { // a later one is lower
		quiet := r.cfg.LeastQuiet
		if !r.since.IsZero() {
			quiet = min(max(quiet, m.at.Sub(r.since)), r.cfg.MostQuiet)
		}
		if now.Sub(m.at) <= quiet {
			return m.value
		}
	}
	return 0
}

// next is when to look again: soon while the average moves, and now and then while
// somebody waits for it to be quiet.
func (r *Rule) next(now time.Time, still bool, jobs []Job) time.Time {
	switch {
	case len(jobs) == 0:
		return time.Time{}
	case r.demand.moves():
		return now.Add(r.cfg.Settle / 4)
	case still:
		return now.Add(r.cfg.LeastQuiet / 4)
	}
	return time.Time{}
}

// negligible is a demand for which nobody stands still, in vCPUs.
const negligible = 0.01

// stillOf says for each job whether it is to stand still on a machine of so many vCPUs of
// which functions want some.
func stillOf(machine, functions float64, jobs []Job) []bool {
	still := make([]bool, len(jobs))
	if functions < negligible {
		return still
	}
	order, left := yielding(jobs), machine-functions
	for i := range jobs {
		if !slices.Contains(order, i) {
			left -= min(jobs[i].CPU, machine)
		}
	}
	full := false
	for _, i := range order {
		cpu := min(jobs[i].CPU, machine)
		full = full || cpu/2 > left
		still[i] = full
		left -= cpu
	}
	return still
}

// yielding are the jobs that may have to stand still, the last to do so first. Others are
// those that may not be preempted, and of each environment as many as fit into what it
// keeps.
func yielding(jobs []Job) []int {
	order := make([]int, 0, len(jobs))
	for i := range jobs {
		if jobs[i].Preemption != slipway.PreemptNever {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(jobs[b].Priority, jobs[a].Priority), cmp.Compare(jobs[a].Number, jobs[b].Number))
	})
	kept := map[string]float64{}
	return slices.DeleteFunc(order, func(i int) bool {
		j := &jobs[i]
		if j.MinCPU == 0 || kept[j.Environment]+j.CPU > j.MinCPU+negligible {
			return false
		}
		kept[j.Environment] += j.CPU
		return true
	})
}
