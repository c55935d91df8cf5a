package packager_test

import (
	"os"
	"testing"

	"github.com/slipway-run/slipway/internal/sandbox"
)

// sharedCache is what the builds of all tests can use again, as on a machine.
var sharedCache string

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	var err error
	if sharedCache, err = os.MkdirTemp("", "packager-cache-"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(sharedCache)
	return m.Run()
}
