package packager_test

import (
	"os"
	"testing"

	"github.com/slipway-run/slipway/internal/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}
