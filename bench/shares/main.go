// Command shares draws how a fair-share queue divides vCPUs between three shares with the
// weights 1, 2 and 4, of which one comes later and one ends sooner:
//
//	go run ./bench/shares -o docs/reference/fair-share.svg
//
// The decisions are the product's own (batch/schedule); the clock and the jobs are made up:
// attempts of half a minute to a minute and a half on four machines of eight vCPUs. The
// same seed draws the same picture.
package main

import (
	"container/heap"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch/schedule"
	"github.com/slipway-run/slipway/bench/simulate/chart"
)

// share is one share of the queue with all its jobs in one array.
type share struct {
	name     string
	weight   float64
	from, to time.Duration // when it has jobs
	used     int           // vCPUs in use
	sum      time.Duration // of them, since the last point
	total    time.Duration // while all three had jobs
	points   []chart.Point
}

const (
	machines, vcpus = 4, 8
	length          = 2 * time.Hour
	pointEvery      = 2 * time.Minute
)

func main() {
	out := flag.String("o", "docs/reference/fair-share.svg", "file to write")
	seed := flag.Uint64("seed", 1, "of the attempts' durations")
	flag.Parse()
	if err := run(*out, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "shares:", err)
		os.Exit(1)
	}
}

func run(out string, seed uint64) error {
	w := newWorld(seed)
	w.simulate()
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer f.Close()
	c := chart.Chart{Title: "vCPUs in use by share of a fair queue, of 32, weights 1, 2 and 4", X: chart.Axis{Title: "minutes"}, Y: chart.Axis{Title: "vCPUs in use, mean of 2 minutes"}}
	for _, s := range w.shares {
		c.Lines = append(c.Lines, chart.Series{Name: fmt.Sprintf("%s: weight %g", s.name, s.weight), Points: s.points})
		fmt.Printf("share %-5s weight %g: %.1f vCPUs while all three had jobs\n", s.name, s.weight, s.total.Seconds()/w.together.Seconds())
	}
	if err := c.Write(f); err != nil {
		return err
	}
	return f.Close()
}

// world is the board with what runs.
type world struct {
	board    *schedule.Board
	rand     *rand.Rand
	shares   []*share
	running  ends
	now      time.Duration
	point    time.Duration // of the next point
	together time.Duration
}

// end is one attempt that ends.
type end struct {
	at    time.Duration
	share *share
	held  schedule.Held
}

type ends []end

func (e ends) Len() int           { return len(e) }
func (e ends) Less(i, j int) bool { return e[i].at < e[j].at }
func (e ends) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *ends) Push(v any)        { *e = append(*e, v.(end)) }
func (e *ends) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

var epoch = time.Unix(0, 0)

func newWorld(seed uint64) *world {
	w := &world{board: schedule.New(), rand: rand.New(rand.NewPCG(seed, 1)), point: pointEvery, shares: []*share{
		{name: "one", weight: 1, to: length},
		{name: "two", weight: 2, to: length * 3 / 4},
		{name: "four", weight: 4, from: length / 4, to: length},
	}}
	q := slipway.DefaultQueueOf("t", "q")
	q.Policy = slipway.QueuePolicy{Type: "fair", Shares: map[string]float64{}}
	for _, s := range w.shares {
		q.Policy.Shares[s.name] = s.weight
	}
	w.board.PutQueue(q, epoch)
	for i := range machines {
		w.board.PutInvoker(slipway.InvokerState{ID: fmt.Sprint("i", i), MemoryMB: 1 << 20,
			Jobs: &slipway.JobRoom{CPU: vcpus, FreeCPU: vcpus, FreeMemoryMB: 1 << 20}}, 0)
	}
	return w
}

func (w *world) simulate() {
	for w.now < length {
		for i, s := range w.shares {
			ready := 0
			if w.now >= s.from && w.now < s.to {
				ready = 1 << 20
			}
			w.board.Put(schedule.Job{Num: int64(i), Tenant: "t", Queue: "q", Share: s.name, Need: schedule.NeedOf(1, 1), Ready: ready})
		}
		w.give()
		w.advance()
	}
}

// give lets begin what has room.
func (w *world) give() {
	for round := w.board.Round(epoch.Add(w.now)); ; {
		g, ok := round.Next()
		if !ok {
			return
		}
		s := w.shares[g.Job]
		s.used += g.N
		for range g.N {
			held := schedule.Held{Tenant: "t", Queue: "q", Share: s.name, Environment: g.Environment, Invoker: g.Invoker, Need: schedule.NeedOf(1, 1)}
			heap.Push(&w.running, end{w.now + 30*time.Second + time.Duration(w.rand.Int64N(int64(time.Minute))), s, held})
		}
	}
}

// advance goes to the next end or point.
func (w *world) advance() {
	next := w.point
	if len(w.running) > 0 {
		next = min(next, w.running[0].at)
	}
	took := next - w.now
	all := w.now >= length/4 && w.now < length*3/4
	for _, s := range w.shares {
		s.sum += took * time.Duration(s.used)
		if all {
			s.total += took * time.Duration(s.used)
		}
	}
	if all {
		w.together += took
	}
	w.now = next
	for len(w.running) > 0 && w.running[0].at <= w.now {
		e := heap.Pop(&w.running).(end)
		e.share.used--
		w.board.Release(e.held, 1, epoch.Add(w.now))
	}
	if w.now == w.point {
		for _, s := range w.shares {
			s.points = append(s.points, chart.Point{X: (w.now - pointEvery/2).Minutes(), Y: float64(s.sum) / float64(pointEvery)})
			s.sum = 0
		}
		w.point += pointEvery
	}
}
