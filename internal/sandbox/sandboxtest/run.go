package sandboxtest

import (
	"testing"

	"github.com/slipway-run/slipway"
)

// Run runs the suite. newLauncher makes a launcher that ends with its test.
func Run(t *testing.T, newLauncher func(t *testing.T) slipway.Launcher) {
	RunExcused(t, nil, newLauncher)
}

// RunExcused runs the suite without what a runtime is excused from.
func RunExcused(t *testing.T, excused Excuses, newLauncher func(t *testing.T) slipway.Launcher) {
	image := Image(t)
	suites := []struct {
		name string
		test func(t *testing.T, b *Bench)
	}{
		{"process", testProcess},
		{"end", testEnd},
		{"root", testRoot},
		{"isolation", testIsolation},
		{"walls", testWalls},
		{"files", testFiles},
		{"others", testOthers},
		{"limits", testLimits},
		{"hostile", testHostile},
		{"hogs", testHogs},
		{"network", testNetwork},
		{"control", testControl},
		{"stillness", testStillness},
	}
	for _, s := range suites {
		t.Run(s.name, func(t *testing.T) {
			b := NewBench(newLauncher(t), image)
			b.Excused = excused
			s.test(t, b)
		})
	}
}
