package pool_test

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool"
)

// TestJobMakesRoom: a function's event gets the memory of a job that gives it back, and a
// job gets it again when the function does without.
func TestJobMakesRoom(t *testing.T) {
	f := newFake()
	p := start(t, f, pool.Config{MemoryMB: 256})
	leftover := p.Leftover()
	job, ok := p.Borrow(slipway.Borrowing{MemoryMB: 256, Recallable: true})
	if !ok {
		t.Fatal("an empty machine lends nothing")
	}
	leases := make(chan slipway.Lease, 1)
	short := spec("a", func(c *slipway.Config) {
		c.MemoryMB, c.Scaling.IdleMin, c.Scaling.IdleTimeout = 256, 0, slipway.Duration(50*time.Millisecond)
	})
	go func() {
		l, err := p.Acquire(t.Context(), short, 0)
		if err != nil {
			t.Errorf("Acquire: %v", err)
		}
		leases <- l
	}()
	<-job.Recalled()
	job.Return()
	job.Return()
	lease := <-leases
	if free := p.FreeMemoryMB(); free != 0 {
		t.Errorf("%d MiB are free while the function has all", free)
	}
	if p.Demand() != short.Config.CPU {
		t.Errorf("%g vCPUs are in demand, want %g", p.Demand(), short.Config.CPU)
	}
	if _, ok := p.Borrow(slipway.Borrowing{MemoryMB: 1}); ok {
		t.Error("memory was lent that a function has")
	}
	lease.Release(true)
	for {
		if again, ok := p.Borrow(slipway.Borrowing{MemoryMB: 256}); ok {
			again.Return()
			return
		}
		<-leftover // the instance goes by its idle timeout
	}
}
