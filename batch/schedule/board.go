package schedule

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
)

// Need is what an attempt is to have.
type Need struct {
	CPU      int64 // thousandths of a vCPU
	MemoryMB int64
}

// NeedOf is a Need in thousandths: sums of them are exact.
func NeedOf(cpu float64, memoryMB int) Need {
	return Need{CPU: int64(math.Round(cpu * 1000)), MemoryMB: int64(memoryMB)}
}

func (n Need) times(k int64) Need { return Need{n.CPU * k, n.MemoryMB * k} }
func (n Need) plus(m Need) Need   { return Need{n.CPU + m.CPU, n.MemoryMB + m.MemoryMB} }
func (n Need) minus(m Need) Need  { return Need{n.CPU - m.CPU, n.MemoryMB - m.MemoryMB} }
func (n Need) within(m Need) bool { return n.CPU <= m.CPU && n.MemoryMB <= m.MemoryMB }

// fit is how often n fits into room.
func (n Need) fit(room Need) int64 {
	k := int64(math.MaxInt32)
	if n.CPU > 0 {
		k = min(k, room.CPU/n.CPU)
	}
	if n.MemoryMB > 0 {
		k = min(k, room.MemoryMB/n.MemoryMB)
	}
	return max(k, 0)
}

// Job is a job with children that could run.
type Job struct {
	Num           int64 // the order in which jobs were accepted
	ID            string
	Tenant, Queue string
	Share, Key    string // limit_key
	Priority      int
	Need          Need // of the children that are next
	Ready         int  // children that have this need and could begin now
	Single        bool // no array
}

// Held is what attempts that were given and have not ended have taken.
type Held struct {
	Tenant, Queue, Share, Key string
	Environment, Invoker      string
	Need                      Need
}

// Grant is a decision: N children of a job go to an invoker.
type Grant struct {
	Job         int64
	N           int
	Environment string
	Invoker     string
}

// Board is what the decisions are made from.
type Board struct {
	tenants  map[string]*tenant
	invokers map[string]*invoker
	names    []string // of invokers, sorted
	jobs     map[int64]*entry
}

type tenant struct {
	name         string
	queues       map[string]*queue
	order        []*queue // by priority, highest first
	environments map[string]*environment
	used         int64 // thousandths of a vCPU
}

type environment struct {
	slipway.ComputeEnvironment
	max, used int64 // thousandths of a vCPU; max 0 is no bound
}

// invoker is a machine that takes jobs.
type invoker struct {
	id       string
	draining bool
	cap      Need  // what jobs have there and could have besides
	reserved int64 // MiB of cap that only attempts get that give it back, or a single one
	total    Need  // of the machine, for jobs
	used     Need  // given and not ended
	attempts int   // given and not ended
	backlog  int64
}

// New is a board on which nothing is.
func New() *Board {
	return &Board{tenants: map[string]*tenant{}, invokers: map[string]*invoker{}, jobs: map[int64]*entry{}}
}

func (b *Board) tenant(name string) *tenant {
	t := b.tenants[name]
	if t == nil {
		t = &tenant{name: name, queues: map[string]*queue{}, environments: map[string]*environment{}}
		b.tenants[name] = t
	}
	return t
}

// environment is the one with the name; what nobody has put is as the default one is.
func (t *tenant) environment(name string) *environment {
	e := t.environments[name]
	if e == nil {
		e = &environment{ComputeEnvironment: slipway.DefaultEnvironmentOf(t.name, name)}
		t.environments[name] = e
	}
	return e
}

func (t *tenant) queue(name string) *queue {
	q := t.queues[name]
	if q == nil {
		q = newQueue(slipway.DefaultQueueOf(t.name, name))
		t.queues[name] = q
		t.sort()
	}
	return q
}

func (t *tenant) sort() {
	t.order = t.order[:0]
	for _, q := range t.queues {
		t.order = append(t.order, q)
	}
	slices.SortFunc(t.order, func(a, b *queue) int {
		if a.Priority != b.Priority {
			return b.Priority - a.Priority
		}
		return strings.Compare(a.Name, b.Name)
	})
}

// PutEnvironment makes or changes an environment.
func (b *Board) PutEnvironment(e slipway.ComputeEnvironment) {
	have := b.tenant(e.Tenant).environment(e.Name)
	have.ComputeEnvironment, have.max = e, NeedOf(e.MaxVCPUs, 0).CPU
	b.reconsider()
}

// PutQueue makes or changes a queue.
func (b *Board) PutQueue(q slipway.Queue, now time.Time) {
	t := b.tenant(q.Tenant)
	t.queue(q.Name).change(q, now)
	t.sort()
	b.reconsider()
}

// PutInvoker makes or changes what is known of an invoker. rate is how many attempts
// ended there per second of late. An invoker that takes no jobs goes.
func (b *Board) PutInvoker(s slipway.InvokerState, rate float64) {
	if s.Jobs == nil {
		b.DropInvoker(s.ID)
		return
	}
	v := b.invokers[s.ID]
	if v == nil {
		v = &invoker{id: s.ID}
		b.invokers[s.ID] = v
		b.names = append(b.names, s.ID)
		slices.Sort(b.names)
	}
	before, was, kept := v.cap, v.draining, v.reserved
	v.draining = s.Draining
	v.cap = NeedOf(s.Jobs.UsedCPU+s.Jobs.FreeCPU, s.Jobs.UsedMemoryMB+s.Jobs.FreeMemoryMB)
	v.reserved = int64(s.Jobs.ReservedMB)
	v.total = NeedOf(s.Jobs.CPU, s.MemoryMB)
	v.backlog = int64(rate * backlogSeconds)
	if !v.cap.within(before) || was != v.draining || v.reserved < kept {
		b.reconsider()
	}
}

// backlogSeconds is how long an invoker can go on without hearing from the scheduler.
const backlogSeconds = 0.1

// DropInvoker removes an invoker; what it was given is to be released one by one.
func (b *Board) DropInvoker(id string) {
	delete(b.invokers, id)
	b.names = slices.DeleteFunc(b.names, func(name string) bool { return name == id })
}

// Hold says that n attempts were given, before this board knew of it.
func (b *Board) Hold(h Held, n int, now time.Time) { b.account(h, int64(n), now) }

// Release says that n attempts have ended.
func (b *Board) Release(h Held, n int, now time.Time) { b.account(h, -int64(n), now) }

func (b *Board) account(h Held, n int64, now time.Time) {
	t := b.tenant(h.Tenant)
	cpu := h.Need.CPU * n
	t.used += cpu
	t.environment(h.Environment).used += cpu
	t.queue(h.Queue).account(h, n, now)
	if v := b.invokers[h.Invoker]; v != nil {
		v.used = v.used.plus(h.Need.times(n))
		v.attempts += int(n)
	}
}

// matches says whether e's list of invokers names one.
func (e *environment) matches(id string) bool {
	if len(e.Invokers) == 0 {
		return true
	}
	return slices.ContainsFunc(e.Invokers, func(pattern string) bool { return Matches(pattern, id) })
}

// Matches says whether text is what pattern says, in which a trailing * is any rest.
func Matches(pattern, text string) bool {
	if prefix, any := strings.CutSuffix(pattern, "*"); any {
		return strings.HasPrefix(text, prefix)
	}
	return pattern == text
}

// Usage is what one environment of a tenant has.
func (b *Board) Usage(tenant, environment string) (usedVCPUs float64) {
	return float64(b.tenant(tenant).environment(environment).used) / 1000
}

// Occupy says that n attempts are on an invoker that was made known after they were
// given.
func (b *Board) Occupy(id string, need Need, n int) {
	if v := b.invokers[id]; v != nil {
		v.used = v.used.plus(need.times(int64(n)))
		v.attempts += n
	}
}
