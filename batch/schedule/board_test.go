package schedule_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch/schedule"
)

var start = time.Unix(1_700_000_000, 0)

func queue(name string, edit func(*slipway.Queue)) slipway.Queue {
	q := slipway.DefaultQueueOf("t", name)
	if edit != nil {
		edit(&q)
	}
	return q
}

func machine(id string, cpu float64, memory int) slipway.InvokerState {
	return slipway.InvokerState{ID: id, CPU: cpu, MemoryMB: memory, Jobs: &slipway.JobRoom{Incarnation: "1", CPU: cpu, FreeCPU: cpu, FreeMemoryMB: memory}}
}

func job(num int64, q string, cpu float64, memory, ready int) schedule.Job {
	return schedule.Job{Num: num, ID: fmt.Sprint("j", num), Tenant: "t", Queue: q, Need: schedule.NeedOf(cpu, memory), Ready: ready}
}

// all is the grants of one round as text.
func all(b *schedule.Board, now time.Time) (grants []string) {
	for r := b.Round(now); ; {
		g, ok := r.Next()
		if !ok {
			return grants
		}
		grants = append(grants, fmt.Sprintf("%d×%d %s", g.Job, g.N, g.Invoker))
	}
}

func TestRounds(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(b *schedule.Board)
		want []string
	}{
		{"first come, first served, as many as fit", func(b *schedule.Board) {
			b.Put(job(2, "default", 1, 10, 5))
			b.Put(job(1, "default", 1, 10, 1))
		}, []string{"1×1 a", "2×2 b", "2×1 a"}},
		{"the higher priority first", func(b *schedule.Board) {
			b.PutQueue(queue("high", func(q *slipway.Queue) { q.Priority = 1 }), start)
			b.Put(job(1, "default", 1, 10, 5))
			b.Put(job(2, "high", 1, 10, 3))
		}, []string{"2×2 a", "2×1 b", "1×1 b"}},
		{"of equal queues the older job", func(b *schedule.Board) {
			b.PutQueue(queue("other", nil), start)
			b.Put(job(2, "default", 2, 10, 1))
			b.Put(job(1, "other", 2, 10, 1))
		}, []string{"1×1 a", "2×1 b"}},
		{"scheduling priority within a queue", func(b *schedule.Board) {
			j := job(2, "default", 2, 10, 1)
			j.Priority = 5
			b.Put(job(1, "default", 2, 10, 5))
			b.Put(j)
		}, []string{"2×1 a", "1×1 b"}},
		{"one that does not fit holds the roomiest, and others pass elsewhere", func(b *schedule.Board) {
			b.Hold(schedule.Held{Tenant: "t", Queue: "default", Environment: "default", Invoker: "a", Need: schedule.NeedOf(1, 10)}, 1, start)
			b.Hold(schedule.Held{Tenant: "t", Queue: "default", Environment: "default", Invoker: "b", Need: schedule.NeedOf(1.5, 10)}, 1, start)
			b.PutQueue(queue("low", func(q *slipway.Queue) { q.Priority = -1 }), start)
			b.Put(job(1, "default", 2, 10, 1))
			b.Put(job(2, "low", 0.5, 10, 5))
		}, []string{"2×1 b"}},
		{"within its queue none passes one that does not fit", func(b *schedule.Board) {
			b.Hold(schedule.Held{Tenant: "t", Queue: "default", Environment: "default", Invoker: "a", Need: schedule.NeedOf(1, 10)}, 1, start)
			b.Hold(schedule.Held{Tenant: "t", Queue: "default", Environment: "default", Invoker: "b", Need: schedule.NeedOf(1, 10)}, 1, start)
			b.Put(job(1, "default", 2, 10, 1))
			b.Put(job(2, "default", 0.5, 10, 1))
		}, nil},
		{"one that fits nowhere is passed", func(b *schedule.Board) {
			b.Put(job(1, "default", 1, 5000, 1))
			b.Put(job(2, "default", 1, 10, 1))
		}, []string{"2×1 a"}},
		{"max_running", func(b *schedule.Board) {
			b.PutQueue(queue("default", func(q *slipway.Queue) { q.MaxRunning = 3 }), start)
			b.Put(job(1, "default", 0.5, 10, 50))
		}, []string{"1×3 a"}},
		{"an exhausted key is passed", func(b *schedule.Board) {
			b.PutQueue(queue("default", func(q *slipway.Queue) { q.KeyLimits = map[string]int{"k": 1} }), start)
			for i := range int64(3) {
				j := job(i+1, "default", 0.5, 10, 1)
				j.Key = []string{"k", "k", ""}[i]
				b.Put(j)
			}
		}, []string{"1×1 a", "3×1 b"}},
		{"environments in order, within max_vcpus and by their invokers", func(b *schedule.Board) {
			first := slipway.DefaultEnvironmentOf("t", "first")
			first.Type, first.MaxVCPUs, first.Invokers = "managed", 1, []string{"b*"}
			b.PutEnvironment(first)
			b.PutQueue(queue("default", func(q *slipway.Queue) { q.ComputeEnvironments = []string{"first", "default"} }), start)
			b.Put(job(1, "default", 0.5, 10, 3))
		}, []string{"1×2 b", "1×1 a"}},
		{"a disabled environment gets nothing", func(b *schedule.Board) {
			env := slipway.DefaultEnvironmentOf("t", "default")
			env.State = slipway.Disabled
			b.PutEnvironment(env)
			b.Put(job(1, "default", 0.5, 10, 3))
		}, nil},
		{"backlog", func(b *schedule.Board) {
			b.PutInvoker(machine("a", 2, 1000), 100)
			b.DropInvoker("b")
			b.Put(job(1, "default", 1, 10, 500))
		}, []string{"1×12 a"}},
		{"tenants by what they use", func(b *schedule.Board) {
			b.Hold(schedule.Held{Tenant: "t", Queue: "default", Environment: "default", Invoker: "a", Need: schedule.NeedOf(1, 10)}, 1, start)
			j := job(2, "default", 1, 10, 1)
			j.Tenant = "u"
			b.Put(job(1, "default", 1, 10, 1))
			b.Put(j)
		}, []string{"2×1 b", "1×1 a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := schedule.New()
			b.PutInvoker(machine("a", 2, 1000), 0)
			b.PutInvoker(machine("b", 2, 1000), 0)
			c.set(b)
			if got := all(b, start); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if more := all(b, start); len(more) > 0 {
				t.Errorf("a second round gives %q", more)
			}
		})
	}
}

// world simulates jobs on a board: what was given ends after its time.
type world struct {
	t       *testing.T
	b       *schedule.Board
	now     time.Time
	jobs    map[int64]schedule.Job
	queues  map[string]slipway.Queue
	running []run
}

type run struct {
	schedule.Held
	end time.Time
}

func newWorld(t *testing.T, cpu float64, machines int) *world {
	w := &world{t: t, b: schedule.New(), now: start, jobs: map[int64]schedule.Job{}, queues: map[string]slipway.Queue{}}
	for i := range machines {
		w.b.PutInvoker(machine(fmt.Sprint("i", i), cpu, 4096), 0)
	}
	return w
}

func (w *world) queue(q slipway.Queue) {
	w.queues[q.Name] = q
	w.b.PutQueue(q, w.now)
}

func (w *world) add(j schedule.Job) {
	w.jobs[j.Num] = j
	w.b.Put(j)
}

// round gives out what there is; each attempt lasts as long as last says.
func (w *world) round(last func(schedule.Job) time.Duration) {
	for r := w.b.Round(w.now); ; {
		g, ok := r.Next()
		if !ok {
			return
		}
		j := w.jobs[g.Job]
		w.checkPriority(j, g.Invoker)
		j.Ready -= g.N
		w.jobs[g.Job] = j
		for range g.N {
			held := schedule.Held{Tenant: j.Tenant, Queue: j.Queue, Share: j.Share, Key: j.Key, Environment: g.Environment, Invoker: g.Invoker, Need: j.Need}
			w.running = append(w.running, run{held, w.now.Add(last(j))})
		}
		w.check()
	}
}

// step goes to the next end, and lets everything end that does then.
func (w *world) step() bool {
	if len(w.running) == 0 {
		return false
	}
	slices.SortFunc(w.running, func(a, b run) int { return a.end.Compare(b.end) })
	w.now = w.running[0].end
	for len(w.running) > 0 && !w.running[0].end.After(w.now) {
		w.b.Release(w.running[0].Held, 1, w.now)
		w.running = w.running[1:]
	}
	return true
}

// check fails the test when a limit is exceeded.
func (w *world) check() {
	w.t.Helper()
	queues, keys, cpu, memory := map[string]int{}, map[string]int{}, map[string]int64{}, map[string]int64{}
	for _, r := range w.running {
		queues[r.Queue]++
		keys[r.Queue+"/"+r.Key]++
		cpu[r.Invoker] += r.Need.CPU
		memory[r.Invoker] += r.Need.MemoryMB
	}
	for name, q := range w.queues {
		if q.MaxRunning > 0 && queues[name] > q.MaxRunning {
			w.t.Fatalf("%d run in queue %s, %d are allowed", queues[name], name, q.MaxRunning)
		}
		for key, limit := range q.KeyLimits {
			if keys[name+"/"+key] > limit {
				w.t.Fatalf("%d run with key %s, %d are allowed", keys[name+"/"+key], key, limit)
			}
		}
	}
	for id := range cpu {
		if cpu[id] > 4000 || memory[id] > 4096 {
			w.t.Fatalf("invoker %s has %d thousandths of a vCPU and %d MiB", id, cpu[id], memory[id])
		}
	}
}

// In random worlds no limit is ever exceeded, priority is never inverted, and everything
// that can run does so in the end.
func TestRandomWorlds(t *testing.T) {
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t, 4, 1+rnd.IntN(4))
		for i := range 3 {
			w.queue(queue(fmt.Sprint("q", i), func(q *slipway.Queue) {
				q.Priority = rnd.IntN(3)
				q.MaxRunning = rnd.IntN(2) * (1 + rnd.IntN(6))
				if rnd.IntN(2) == 0 {
					q.KeyLimits = map[string]int{"k0": 1 + rnd.IntN(2), "k1": 3}
				}
				if rnd.IntN(2) == 0 {
					q.Policy = slipway.QueuePolicy{Type: "fair", Shares: map[string]float64{"s0": 0.5, "s1": 2}}
				}
			}))
		}
		sizes := []float64{0.25, 0.5, 1, 2, 4}
		for num := range int64(60) {
			j := job(num+1, fmt.Sprint("q", rnd.IntN(3)), sizes[rnd.IntN(5)], 64<<rnd.IntN(7), 1+rnd.IntN(20))
			j.Share, j.Priority = fmt.Sprint("s", rnd.IntN(3)), rnd.IntN(3)
			if rnd.IntN(2) == 0 {
				j.Key = fmt.Sprint("k", rnd.IntN(3))
			}
			w.add(j)
		}
		for steps := 0; ; steps++ {
			w.round(func(schedule.Job) time.Duration { return time.Duration(1+rnd.IntN(1000)) * time.Millisecond })
			w.nothingLeft(seed)
			if !w.step() {
				break
			}
			if steps > 10_000 {
				t.Fatalf("seed %d: it does not end", seed)
			}
		}
		for _, j := range w.jobs {
			if j.Ready > 0 {
				t.Errorf("seed %d: %d children of job %+v never ran", seed, j.Ready, j)
			}
		}
	}
}

// checkPriority fails the test when the first job of a queue with a higher priority would
// have fitted where a job is about to go.
func (w *world) checkPriority(j schedule.Job, invoker string) {
	w.t.Helper()
	free, running := schedule.NeedOf(4, 4096), map[string]int{}
	for _, r := range w.running {
		running[r.Queue]++
		if r.Invoker == invoker {
			free.CPU -= r.Need.CPU
			free.MemoryMB -= r.Need.MemoryMB
		}
	}
	for name, q := range w.queues {
		if q.Priority <= w.queues[j.Queue].Priority || q.MaxRunning > 0 && running[name] >= q.MaxRunning {
			continue
		}
		first, ok := w.b.Head("t", name)
		if ok && first.Need.CPU <= free.CPU && first.Need.MemoryMB <= free.MemoryMB && w.keyFree(first) {
			w.t.Fatalf("job %d of queue %s goes to %s, where job %d of queue %s would fit", j.Num, j.Queue, invoker, first.Num, name)
		}
	}
}

func (w *world) keyFree(j schedule.Job) bool {
	limit, limited := w.queues[j.Queue].KeyLimits[j.Key]
	for _, r := range w.running {
		if r.Queue == j.Queue && r.Key == j.Key {
			limit--
		}
	}
	return !limited || limit > 0
}

// nothingLeft: a second round at the same moment finds nothing that the first left.
func (w *world) nothingLeft(seed uint64) {
	w.t.Helper()
	if more := all(w.b, w.now); len(more) > 0 {
		w.t.Fatalf("seed %d: a round left room: %q", seed, more)
	}
}

// Shares get vCPUs in proportion to one over their weights.
func TestSharesConverge(t *testing.T) {
	for _, decay := range []time.Duration{time.Minute, 10 * time.Minute} {
		w := newWorld(t, 4, 7)
		weights := map[string]float64{"one": 1, "two": 2, "four": 4}
		w.queue(queue("q", func(q *slipway.Queue) {
			q.Policy = slipway.QueuePolicy{Type: "fair", Shares: weights, Decay: slipway.Duration(decay)}
		}))
		num := int64(0)
		for name := range weights {
			num++
			j := job(num, "q", 1, 10, 1_000_000)
			j.Share = name
			w.add(j)
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		used := map[string]float64{}
		for until := start.Add(time.Hour); w.now.Before(until); {
			w.round(func(schedule.Job) time.Duration { return time.Duration(1+rnd.IntN(20)) * time.Second })
			before := w.now
			running := slices.Clone(w.running)
			w.step()
			for _, r := range running {
				used[r.Share] += w.now.Sub(before).Seconds()
			}
		}
		total := used["one"] + used["two"] + used["four"]
		for name, weight := range weights {
			want := (1 / weight) / (1 + 0.5 + 0.25)
			if got := used[name] / total; math.Abs(got-want) > 0.03 {
				t.Errorf("decay %s: share %s has %.3f of the vCPUs, want %.3f", decay, name, got, want)
			}
		}
	}
}

// What is reserved for shares that are not active is there when one comes, so that it
// does not wait for long jobs of the others.
func TestAReservationIsThereForANewShare(t *testing.T) {
	for _, c := range []struct {
		reservation, first, second int
	}{{0, 8, 0}, {50, 4, 2}, {25, 6, 1}} {
		w := newWorld(t, 4, 2)
		w.queue(queue("q", func(q *slipway.Queue) { q.Policy = slipway.QueuePolicy{Type: "fair", Reservation: c.reservation} }))
		long := func(schedule.Job) time.Duration { return time.Hour }
		a, b := job(1, "q", 1, 10, 100), job(2, "q", 1, 10, 100)
		a.Share, b.Share = "a", "b"
		w.add(a)
		w.round(long)
		if len(w.running) != c.first {
			t.Errorf("reservation %d%%: the first share has %d of 8 vCPUs, want %d", c.reservation, len(w.running), c.first)
		}
		w.add(b)
		w.round(long)
		if n := len(w.running) - c.first; n != c.second {
			t.Errorf("reservation %d%%: the second share has %d vCPUs, want %d", c.reservation, n, c.second)
		}
	}
}

// A job as large as a machine is not starved by small ones that come all the time.
func TestABigJobIsNotStarved(t *testing.T) {
	w := newWorld(t, 4, 3)
	w.queue(queue("q", nil))
	w.queue(queue("low", func(q *slipway.Queue) { q.Priority = -1 }))
	w.add(job(1, "low", 0.5, 10, 1_000_000))
	rnd := rand.New(rand.NewPCG(3, 4))
	last := func(schedule.Job) time.Duration { return time.Duration(1+rnd.IntN(60)) * time.Second }
	w.round(last)
	w.add(job(2, "q", 4, 10, 1))
	for range 10_000 {
		w.round(last)
		if w.jobs[2].Ready == 0 {
			if waited := w.now.Sub(start); waited > time.Minute+time.Second {
				t.Errorf("it waited %s for jobs of a minute at most", waited)
			}
			return
		}
		w.step()
	}
	t.Error("it never ran")
}
