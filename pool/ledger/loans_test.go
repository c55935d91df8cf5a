package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

// loan is a job's that holds memory.
type loan struct {
	w        *world
	loan     *ledger.Loan
	recalled bool
}

func (l *loan) Recall() {
	if l.recalled || l.loan != nil && !l.loan.Recallable {
		l.w.t.Fatal("a loan was recalled twice, or one that never is")
	}
	l.recalled = true
}

// borrow is nil when nothing is lent.
func (w *world) borrow(b slipway.Borrowing) *loan {
	one := &loan{w: w}
	if one.loan = w.l.Lend(b, one, w.now); one.loan == nil {
		w.obey()
		return nil
	}
	w.loans = append(w.loans, one)
	w.obey()
	return one
}

func (w *world) giveBack(one *loan) {
	w.loans = slices.DeleteFunc(w.loans, func(o *loan) bool { return o == one })
	w.l.Return(one.loan, w.now)
	w.obey()
}

// recalled are the loans that are to be returned, by their number from 0.
func (w *world) recalled() (numbers []int) {
	for i, one := range w.loans {
		if one.recalled {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

func back(priority, mib int) slipway.Borrowing {
	return slipway.Borrowing{MemoryMB: mib, Priority: priority, Recallable: true}
}

func fixed(mib int) slipway.Borrowing { return slipway.Borrowing{MemoryMB: mib} }

// TestRecall: which of the jobs give their memory to a function of 256 MiB?
func TestRecall(t *testing.T) {
	for _, c := range []struct {
		name  string
		loans []slipway.Borrowing
		want  []int
	}{
		{"none while there is room", []slipway.Borrowing{back(0, 512), back(0, 256)}, nil},
		{"the lowest priority", []slipway.Borrowing{back(1, 256), back(0, 256), back(2, 512)}, []int{1}},
		{"the latest of the same priority", []slipway.Borrowing{back(0, 256), back(0, 256), back(0, 512)}, []int{2}},
		{"as many as it takes", []slipway.Borrowing{back(0, 100), back(0, 100), back(0, 100), back(5, 724)}, []int{0, 1, 2}},
		{"only what helps", []slipway.Borrowing{back(1, 1000), back(0, 24)}, []int{0}},
		{"never those that keep it", []slipway.Borrowing{fixed(500), back(9, 300), fixed(224)}, []int{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, ledger.Config{MemoryMB: 1024}, 1)
			for _, b := range c.loans {
				if w.borrow(b) == nil {
					t.Fatalf("%+v was not lent", b)
				}
			}
			w.ask(spec("a", memory(256)))
			if got := w.recalled(); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Fatalf("%v are recalled, want %v", got, c.want)
			}
			for _, one := range slices.Clone(w.loans) {
				if one.recalled {
					w.giveBack(one)
				}
			}
			w.carryOutAll()
			if w.served != 1 {
				t.Error("the event has no instance after the loans were returned")
			}
		})
	}
}

// TestRecallOnce: what is on its way is counted, so that one event takes one job's memory.
func TestRecallOnce(t *testing.T) {
	w := newWorld(t, ledger.Config{MemoryMB: 1024}, 1)
	for range 4 {
		w.borrow(back(0, 256))
	}
	w.ask(spec("a", memory(256)))
	for range 5 {
		w.now = w.now.Add(time.Second)
		w.l.Sweep(w.now)
		w.obey()
	}
	if got := w.recalled(); fmt.Sprint(got) != "[3]" {
		t.Fatalf("%v are recalled for one event, want [3]", got)
	}
	w.ask(spec("b", memory(256)))
	w.giveBack(w.loans[3])
	w.carryOutAll()
	if got := w.recalled(); fmt.Sprint(got) != "[2]" || w.served != 1 {
		t.Errorf("%v are recalled for the second event and %d events have an instance, want [2] and 1", got, w.served)
	}
}

// TestIdleBeforeJobs: an idle instance of another function goes before a job does.
func TestIdleBeforeJobs(t *testing.T) {
	w := newWorld(t, ledger.Config{MemoryMB: 1024, FreezeAfter: -1}, 1)
	w.learn(spec("idle", memory(512)), 100*ms, ms)
	w.borrow(back(0, 512))
	w.ask(spec("new", memory(256)))
	w.carryOutAll()
	if w.aliveOf("idle") != 0 || w.aliveOf("new") != 1 || len(w.recalled()) > 0 {
		t.Errorf("idle %d, new %d, recalled %v", w.aliveOf("idle"), w.aliveOf("new"), w.recalled())
	}
	w.ask(spec("third", memory(768)))
	if got := w.recalled(); fmt.Sprint(got) != "[0]" {
		t.Errorf("%v are recalled for what is free and one loan, want [0]", got)
	}
}

// TestLendsWhatIsLeft: what functions have, wait for or are promised is not lent.
func TestLendsWhatIsLeft(t *testing.T) {
	t.Run("not what members hold", func(t *testing.T) {
		w := newWorld(t, ledger.Config{MemoryMB: 1024, FreezeAfter: -1}, 1)
		w.learn(spec("idle", memory(512)), 100*ms, ms)
		if w.borrow(back(0, 513)) != nil || w.borrow(back(0, 512)) == nil {
			t.Error("want 512 MiB lent and no more")
		}
		if n := w.aliveOf("idle"); n != 1 {
			t.Errorf("%d idle instances are left", n)
		}
	})
	t.Run("not what somebody waits for", func(t *testing.T) {
		w := newWorld(t, ledger.Config{MemoryMB: 1024}, 1)
		first := w.borrow(fixed(700))
		w.ask(spec("a", memory(512)))
		if w.borrow(back(0, 64)) != nil {
			t.Error("64 of 324 free MiB were lent while a function waits for 512")
		}
		w.giveBack(first)
		w.carryOutAll()
		if w.served != 1 || w.borrow(back(0, 64)) == nil {
			t.Error("after the return the function is served, and the rest can be lent")
		}
	})
	t.Run("not what is wanted ahead", func(t *testing.T) {
		w := newWorld(t, ledger.Config{MemoryMB: 1024, StartBurst: 1, StartRate: 1}, 1)
		w.l.Keep([]slipway.Kept{{Spec: spec("a", memory(256), scaling(3, 1)), Instances: 3, Limit: 3}}, w.now)
		w.obey()
		w.pass(20 * time.Second)
		if w.borrow(back(0, 257)) != nil || w.borrow(back(0, 256)) == nil {
			t.Error("want 256 MiB lent and no more")
		}
	})
	t.Run("not what reclaimed instances need again", func(t *testing.T) {
		w := newWorld(t, ledger.Config{MemoryMB: 1024, FreezeAfter: time.Second, ReclaimAfter: 2 * time.Second}, 1)
		w.swapped = 200 << 20 // of which half is free for other functions
		w.learn(spec("a", memory(256)), 100*ms, ms)
		w.pass(10 * time.Second)
		if free := w.l.FreeMemoryMB(); free != 1024-156 {
			t.Fatalf("%d MiB are free after the reclaim", free)
		}
		if w.borrow(fixed(769)) != nil || w.borrow(fixed(768)) == nil {
			t.Error("want 768 MiB lent and no more")
		}
		w.ask(spec("a", memory(256)))
		w.carryOutAll()
		if w.served != 2 {
			t.Error("the reclaimed instance could not be thawed")
		}
	})
}

// TestReserve: loans that are kept to the end leave room for functions, unless there is
// only one.
func TestReserve(t *testing.T) {
	w := newWorld(t, ledger.Config{MemoryMB: 1000}, 1)
	if w.l.Fixed() != 800 || w.l.Spare() != 1000 {
		t.Errorf("%d and %d MiB could be lent of an empty machine, want 800 and 1000", w.l.Fixed(), w.l.Spare())
	}
	w.borrow(fixed(500))
	if w.borrow(fixed(301)) != nil {
		t.Error("801 of 1000 MiB are lent for good")
	}
	if w.l.Fixed() != 300 || w.l.Spare() != 500 {
		t.Errorf("%d and %d MiB could be lent, want 300 and 500", w.l.Fixed(), w.l.Spare())
	}
	w.borrow(fixed(300))
	w.borrow(back(0, 200))
	w.ask(spec("a", memory(200)))
	if got := w.recalled(); fmt.Sprint(got) != "[2]" {
		t.Errorf("%v are recalled, want [2]", got)
	}
	alone := newWorld(t, ledger.Config{MemoryMB: 1000}, 1)
	if alone.borrow(fixed(1000)) == nil {
		t.Error("a single job does not get the machine")
	}
}

// TestStandbyGivesWayToJobs: when it is idle for longer than it is worth keeping.
func TestStandbyGivesWayToJobs(t *testing.T) {
	w := newWorld(t, ledger.Config{MemoryMB: 1024, FreezeAfter: -1}, 1)
	before := spec("before", memory(512), scaled(time.Minute, time.Minute))
	w.learn(before, 100*ms, ms)
	w.l.Keep([]slipway.Kept{{Spec: before, Instances: 1, Standby: true}}, w.now)
	if w.borrow(back(0, 768)) != nil || w.aliveOf("before") != 1 {
		t.Fatal("an instance that is worth keeping made room for a job")
	}
	w.pass(2 * time.Minute)
	if w.borrow(back(0, 768)) != nil || w.aliveOf("before") != 0 {
		t.Fatal("what stands by is to be closed before its memory is lent")
	}
	w.carryOutAll()
	if w.borrow(back(0, 768)) == nil {
		t.Error("the memory of what stood by is not lent")
	}
}

// TestJobsHoldTheMemory: who is refused hears that it is jobs.
func TestJobsHoldTheMemory(t *testing.T) {
	w := newWorld(t, ledger.Config{MemoryMB: 1024, MaxWait: 5 * time.Second}, 1)
	w.borrow(fixed(800))
	w.ask(spec("a", memory(512)))
	w.pass(6 * time.Second)
	if len(w.refused) != 1 || !strings.Contains(w.refused[0].Error(), "jobs hold 800 MiB until they end") {
		t.Errorf("refused with %v", w.refused)
	}
}

// TestDemand: an instance counts while it starts and while it has an event.
func TestDemand(t *testing.T) {
	w := newWorld(t, ledger.Config{}, 1)
	s := spec("a", scaling(2, 2), func(c *slipway.Config) { c.CPU = 1.5 })
	for _, step := range []struct {
		name string
		do   func()
		want float64
	}{
		{"nothing", func() {}, 0},
		{"one starts", func() { w.ask(s) }, 1.5},
		{"it has an event", w.carryOutAll, 1.5},
		{"it has two", func() { w.ask(s) }, 1.5},
		{"another starts", func() { w.ask(s) }, 3},
		{"both have events", w.carryOutAll, 3},
		{"one has none", func() { w.release(2, true) }, 1.5},
		{"one died with two events", func() { w.l.Died(w.held[0], w.now); w.obey(); w.carryOutAll() }, 1.5},
		{"one of them ended", func() { w.release(0, false) }, 1.5},
		{"both ended", func() { w.release(0, false) }, 0},
	} {
		if step.do(); w.l.Demand() != step.want {
			t.Fatalf("%s: %g vCPUs, want %g", step.name, w.l.Demand(), step.want)
		}
	}
}

// TestShortOfWhatJobsHold: it is said, once, that instances which are to be kept are
// missing because of jobs, and they start when those have ended.
func TestShortOfWhatJobsHold(t *testing.T) {
	w := newWorld(t, ledger.Config{MemoryMB: 1024}, 1)
	w.borrow(fixed(900))
	said := 0
	for range 10 {
		w.l.Keep([]slipway.Kept{{Spec: spec("a", memory(256)), Instances: 1, Limit: 1}}, w.now)
		for _, s := range w.l.Orders().Short {
			said++
			if !strings.Contains(s.Err.Error(), "jobs hold 900 MiB until they end") {
				t.Errorf("it is said that %v", s.Err)
			}
		}
		w.now = w.now.Add(2 * time.Second)
		w.l.Sweep(w.now)
	}
	w.giveBack(w.loans[0])
	w.carryOutAll()
	if said != 1 || w.aliveOf("a") != 1 {
		t.Errorf("said %d times; %d instances after the job ended", said, w.aliveOf("a"))
	}
}

// TestRecallIsJustEnough takes loans and needs at random: without any of those that are
// recalled it would not be enough, and the ones before the last of them would not be.
func TestRecallIsJustEnough(t *testing.T) {
	for seed := range uint64(200) {
		w := newWorld(t, ledger.Config{MemoryMB: 4096}, seed)
		for range 3 + w.dice.IntN(12) {
			w.borrow(back(w.dice.IntN(3), 32+w.dice.IntN(600)))
		}
		w.borrow(fixed(w.l.FreeMemoryMB()))
		need := 32 + w.dice.IntN(1000)
		w.ask(spec("a", memory(need)))
		chosen, sum, last := w.recalled(), 0, -1
		for _, i := range chosen {
			sum += w.loans[i].loan.MemoryMB
			if last < 0 || w.before(last, i) {
				last = i
			}
		}
		if len(chosen) == 0 {
			continue // they hold less in all
		}
		if sum < need {
			t.Fatalf("seed %d: %d MiB are recalled for %d", seed, sum, need)
		}
		for _, i := range chosen {
			if sum-w.loans[i].loan.MemoryMB >= need {
				t.Fatalf("seed %d: without loan %d it would be enough", seed, i)
			}
		}
		sooner := 0
		for i, one := range w.loans {
			if one.loan.Recallable && w.before(i, last) {
				sooner += one.loan.MemoryMB
			}
		}
		if sooner >= need {
			t.Fatalf("seed %d: loan %d is recalled, and those before it hold %d MiB of %d", seed, last, sooner, need)
		}
	}
}

// before says whether loan i is to be recalled before j.
func (w *world) before(i, j int) bool {
	a, b := w.loans[i].loan, w.loans[j].loan
	return a.Priority < b.Priority || a.Priority == b.Priority && i > j
}
