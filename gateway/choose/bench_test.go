package choose_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/choose"
)

// BenchmarkTake is a choice and its end: with a warm instance on every third invoker, and
// with none anywhere.
func BenchmarkTake(b *testing.B) {
	for _, invokers := range []int{3, 100, 3000} {
		table := choose.New(rand.New(rand.NewPCG(1, 2)))
		for i := range invokers {
			s := slipway.InvokerState{ID: fmt.Sprint("invoker-", i), FreeMemoryMB: 1 << 14}
			if i%3 == 0 {
				s.Versions = []slipway.VersionCount{{VersionRef: hello, Instances: 1, Free: 1}}
			}
			table.Update(s, began)
		}
		cold := specOf(10000)
		cold.Function = "other"
		for name, spec := range map[string]*slipway.Spec{"warm": specOf(10000), "cold": cold} {
			b.Run(fmt.Sprintf("%s/invokers=%d", name, invokers), func(b *testing.B) {
				for b.Loop() {
					c, _ := table.Take(spec, "", began)
					table.Done(c)
				}
			})
		}
	}
}
