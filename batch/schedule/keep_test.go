package schedule_test

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/batch/schedule"
)

// TestKeeps: while functions have all processors, jobs of an environment that keeps some
// are given as many as it keeps, on each machine its share.
func TestKeeps(t *testing.T) {
	now := time.Unix(1e9, 0)
	b := schedule.New()
	for id, cpu := range map[string]float64{"large": 6, "small": 2, "another": 8} {
		b.PutInvoker(slipway.InvokerState{ID: id, MemoryMB: 4096, Jobs: &slipway.JobRoom{CPU: cpu, FreeMemoryMB: 4096}}, 0)
	}
	b.PutEnvironment(slipway.ComputeEnvironment{Tenant: "default", Name: "kept", MinVCPUs: 4, State: slipway.Enabled, Invokers: []string{"large", "small"}})
	b.PutQueue(slipway.Queue{Tenant: "default", Name: "kept", ComputeEnvironments: []string{"kept"}, State: slipway.Enabled}, now)
	b.PutQueue(slipway.Queue{Tenant: "default", Name: "other", ComputeEnvironments: []string{"default"}, State: slipway.Enabled}, now)
	for num, queue := range map[int64]string{1: "kept", 2: "other"} {
		b.Put(schedule.Job{Num: num, Tenant: "default", Queue: queue, Need: schedule.NeedOf(1, 64), Ready: 100})
	}
	given := map[string]int{}
	for round := b.Round(now); ; {
		g, ok := round.Next()
		if !ok {
			break
		}
		if g.Job != 1 {
			t.Errorf("%d of job %d were given to %s, of which nothing is left", g.N, g.Job, g.Invoker)
		}
		given[g.Invoker] += g.N
	}
	if len(given) != 2 || given["large"] != 3 || given["small"] != 1 {
		t.Errorf("given: %v, want 3 to the large machine and 1 to the small one", given)
	}
	for id, want := range map[string]float64{"large": 3, "small": 1, "another": 0, "gone": 0} {
		if got := b.Keeps("default", "kept", id); got != want {
			t.Errorf("%g vCPUs are kept on %s, want %g", got, id, want)
		}
	}
}

// TestReserved: jobs that do not give memory back leave some, but for one that is alone.
func TestReserved(t *testing.T) {
	now := time.Unix(1e9, 0)
	for _, c := range []struct {
		name       string
		preemption slipway.Preemption
		memoryMB   int
		used       int // MiB of attempts that run
		want       int
	}{
		{"those that stand still", slipway.PreemptFreeze, 64, 0, 12},
		{"those that never yield", slipway.PreemptNever, 64, 0, 12},
		{"those that give it back", slipway.PreemptRequeue, 64, 0, 16},
		{"one that needs more", slipway.PreemptFreeze, 900, 0, 1},
		{"one that needs more, beside another", slipway.PreemptFreeze, 900, 64, 0},
		{"one that needs more than there is", slipway.PreemptFreeze, 1025, 0, 0},
		{"those that find some", slipway.PreemptFreeze, 64, 192, 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := schedule.New()
			b.PutInvoker(slipway.InvokerState{ID: "one", MemoryMB: 1024, Jobs: &slipway.JobRoom{
				CPU: 64, FreeCPU: 64, FreeMemoryMB: 1024 - c.used, UsedMemoryMB: c.used, ReservedMB: 205}}, 0)
			b.PutQueue(slipway.Queue{Tenant: "default", Name: "q", ComputeEnvironments: []string{"default"}, State: slipway.Enabled, Preemption: c.preemption}, now)
			b.Hold(schedule.Held{Tenant: "default", Queue: "q", Environment: "default", Invoker: "one", Need: schedule.NeedOf(0, c.used)}, 1, now)
			b.Put(schedule.Job{Num: 1, Tenant: "default", Queue: "q", Need: schedule.NeedOf(0.25, c.memoryMB), Ready: 100})
			given := 0
			for round := b.Round(now); ; {
				g, ok := round.Next()
				if !ok {
					break
				}
				given += g.N
			}
			if given != c.want {
				t.Errorf("%d were given, want %d", given, c.want)
			}
		})
	}
}
