package sdk_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain leaves the examples out where no server is named: cmd/slipway has a test that
// runs them against one.
func TestMain(m *testing.M) {
	flag.Parse()
	if run := flag.Lookup("test.run"); os.Getenv("SLIPWAY_URL") == "" && run.Value.String() == "" {
		run.Value.Set("^(Test|Fuzz)")
	}
	os.Exit(m.Run())
}
