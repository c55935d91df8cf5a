package schedule

import (
	"fmt"
	"math"
	"time"

	"github.com/slipway-run/slipway"
)

// Explain says what a job on the board waits for, first what matters most, how many
// children are served before it, and what the invokers of its environments have.
func (b *Board) Explain(num int64, now time.Time) (blocks []slipway.Block, ahead int, rooms []slipway.Room) {
	e := b.jobs[num]
	if e == nil {
		return nil, 0, nil
	}
	t := b.tenant(e.Tenant)
	q := t.queue(e.Queue)
	ahead, first := b.ahead(t, q, e)
	rooms = b.rooms(t, q)
	if block, ok := limitBlock(q, e); ok {
		blocks = append(blocks, block)
	}
	if first != nil {
		blocks = append(blocks, slipway.Block{Kind: "turn", Job: first.ID, Need: 0, Have: float64(ahead),
			Text: fmt.Sprintf("%s before it, first job %s", count(ahead, "child is", "children are"), first.ID)})
	}
	blocks = append(blocks, b.environmentBlocks(t, q, e)...)
	if left := b.Round(now).shareRoom(t, q); left < e.Need.CPU {
		blocks = append(blocks, slipway.Block{Kind: "environment", Need: float64(e.Need.CPU) / 1000, Have: float64(left) / 1000,
			Text: fmt.Sprintf("the rest is reserved for shares that are not active (reservation %d%%)", q.Policy.Reservation)})
	}
	return blocks, ahead, rooms
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// limitBlock is a limit that is exhausted.
func limitBlock(q *queue, e *entry) (slipway.Block, bool) {
	if q.room() <= 0 {
		return slipway.Block{Kind: "queue_limit", Need: 1, Have: float64(q.room()),
			Text: fmt.Sprintf("queue %s runs %d at once (max_running), and %d run", q.Name, q.MaxRunning, q.running)}, true
	}
	if q.keyRoom(e.Key) <= 0 {
		running := q.keys[e.Key]
		return slipway.Block{Kind: "key_limit", Need: 1, Have: float64(q.keyRoom(e.Key)),
			Text: fmt.Sprintf("limit_key %s is limited to %d at once, and %d run", e.Key, running+q.keyRoom(e.Key), running)}, true
	}
	return slipway.Block{}, false
}

// ahead counts what is served before a job: in its queue, and in queues with a higher
// priority that share an environment with it.
func (b *Board) ahead(t *tenant, q *queue, e *entry) (n int, first *entry) {
	for _, other := range t.order {
		if other != q && (other.Priority <= q.Priority || !shareEnvironment(other, q)) {
			continue
		}
		for _, s := range other.shares {
			for _, l := range s.lines {
				for _, o := range *l {
					if o == e || o.Ready == 0 || other == q && !q.sooner(o, e) || o.Ready > 0 && other.keyRoom(o.Key) <= 0 {
						continue
					}
					n += o.Ready
					if first == nil || before(o, first) {
						first = o
					}
				}
			}
		}
	}
	return n, first
}

// sooner says whether one entry of a queue is served before another.
func (q *queue) sooner(a, b *entry) bool {
	sa, sb := q.share(a.Share), q.share(b.Share)
	if sa == sb {
		return before(a, b)
	}
	return sa.claim() < sb.claim()
}

func shareEnvironment(a, b *queue) bool {
	for _, x := range a.ComputeEnvironments {
		for _, y := range b.ComputeEnvironments {
			if x == y {
				return true
			}
		}
	}
	return false
}

// rooms is what the invokers of a queue's environments have, as far as is known.
func (b *Board) rooms(t *tenant, q *queue) (rooms []slipway.Room) {
	for _, id := range b.names {
		for _, name := range q.ComputeEnvironments {
			if env := t.environment(name); env.on() && env.matches(id) {
				free := b.invokers[id].free()
				rooms = append(rooms, slipway.Room{Invoker: id, FreeCPU: float64(free.CPU) / 1000, FreeMemoryMB: int(free.MemoryMB)})
				break
			}
		}
	}
	return rooms
}

// free is what v could be given.
func (v *invoker) free() Need { return v.cap.minus(v.used).atLeast() }

// freeFor is what v could be given of a queue.
func (v *invoker) freeFor(q *queue, need Need) Need { return v.capFor(q, need).minus(v.used).atLeast() }

// atLeast is n without what is below zero.
func (n Need) atLeast() Need { return Need{max(0, n.CPU), max(0, n.MemoryMB)} }

// environmentBlocks says why none of the environments has room.
func (b *Board) environmentBlocks(t *tenant, q *queue, e *entry) (blocks []slipway.Block) {
	for _, name := range q.ComputeEnvironments {
		env := t.environment(name)
		if block, blocked := b.environmentBlock(env, q, e.Need); blocked {
			blocks = append(blocks, block)
			continue
		}
		return nil // here is room
	}
	return blocks
}

func (b *Board) environmentBlock(env *environment, q *queue, need Need) (slipway.Block, bool) {
	cpu := float64(need.CPU) / 1000
	if !env.on() {
		return slipway.Block{Kind: "environment", Text: fmt.Sprintf("environment %s is disabled", env.Name)}, true
	}
	if env.max > 0 && env.used+need.CPU > env.max {
		left := float64(env.max-env.used) / 1000
		return slipway.Block{Kind: "environment", Need: cpu, Have: left,
			Text: fmt.Sprintf("needs %g vCPU of environment %s, of whose %g are %g free", cpu, env.Name, env.MaxVCPUs, left)}, true
	}
	var best *invoker
	for _, id := range b.names {
		v := b.invokers[id]
		if v.draining || !env.matches(id) {
			continue
		}
		if need.within(v.freeFor(q, need)) {
			return slipway.Block{}, false
		}
		if best == nil || lack(need, v.freeFor(q, need)) < lack(need, best.freeFor(q, need)) {
			best = v
		}
	}
	if best == nil {
		return slipway.Block{Kind: "environment", Text: fmt.Sprintf("environment %s has no invoker that takes jobs", env.Name)}, true
	}
	return roomBlock(best, q, need), true
}

// lack is what is missing of a need, as a part of it.
func lack(need, free Need) float64 {
	return math.Max(1-float64(free.CPU)/float64(max(need.CPU, 1)), 1-float64(free.MemoryMB)/float64(max(need.MemoryMB, 1)))
}

// roomBlock says what is missing on the invoker where least is.
func roomBlock(v *invoker, q *queue, need Need) slipway.Block {
	free, most := v.freeFor(q, need), v.capFor(q, need)
	if need.MemoryMB > free.MemoryMB {
		text := fmt.Sprintf("needs %d MiB, %d free on the roomiest invoker, %s", need.MemoryMB, free.MemoryMB, v.id)
		if need.MemoryMB > most.MemoryMB {
			text += fmt.Sprintf("; jobs have at most %d there now", most.MemoryMB)
		}
		return slipway.Block{Kind: "memory", Text: text, Need: float64(need.MemoryMB), Have: float64(free.MemoryMB)}
	}
	cpu, have := float64(need.CPU)/1000, float64(free.CPU)/1000
	text := fmt.Sprintf("needs %g vCPU, %g free on the roomiest invoker, %s", cpu, have, v.id)
	if need.CPU > v.cap.CPU {
		text += fmt.Sprintf("; jobs have at most %g there now", float64(v.cap.CPU)/1000)
	}
	return slipway.Block{Kind: "cpu", Text: text, Need: cpu, Have: have}
}

// Head is the first job of a queue; false when it has none that is ready.
func (b *Board) Head(tenant, name string) (Job, bool) {
	e := b.tenant(tenant).queue(name).next()
	if e == nil {
		for _, a := range b.tenant(tenant).queue(name).aside {
			if a.Ready > 0 {
				return a.Job, true
			}
		}
		return Job{}, false
	}
	return e.Job, true
}

// Usages is what the shares of fair queues have used.
func (b *Board) Usages(now time.Time) (all []slipway.ShareUsage) {
	for _, t := range b.tenants {
		for _, q := range t.order {
			if !q.fair() {
				continue
			}
			for _, s := range q.shares {
				s.advance(now, q.decay())
				all = append(all, slipway.ShareUsage{Tenant: t.name, Queue: q.Name, Share: s.name, VCPUs: s.average, At: now})
			}
		}
	}
	return all
}

// Remember takes over what a share had used as of a moment.
func (b *Board) Remember(u slipway.ShareUsage) {
	q := b.tenant(u.Tenant).queue(u.Queue)
	if !q.fair() {
		return
	}
	s := q.share(u.Share)
	s.average, s.at = u.VCPUs, u.At
}

// Demand is the thousandths of a vCPU that ready jobs of an environment's queues would
// use besides what runs; of several environments of a queue the first counts.
func (b *Board) Demand(tenant, environment string) (vcpus float64) {
	for _, e := range b.jobs {
		if e.Tenant == tenant && b.tenant(tenant).queue(e.Queue).ComputeEnvironments[0] == environment {
			vcpus += float64(e.Need.CPU) / 1000 * float64(e.Ready)
		}
	}
	return vcpus
}

// Desired is the vCPUs that the jobs of an environment would use now, within its bounds.
func (b *Board) Desired(tenant, environment string) float64 {
	env := b.tenant(tenant).environment(environment)
	want := b.Usage(tenant, environment) + b.Demand(tenant, environment)
	if env.max > 0 {
		want = min(want, float64(env.max)/1000)
	}
	return max(want, env.MinVCPUs)
}
