package sandbox

import (
	"os"

	"github.com/slipway-run/slipway/internal/sandbox/guest"
	"github.com/slipway-run/slipway/internal/sandbox/monitor"
)

// Init must be the first line of main, and of TestMain where a test makes sandboxes.
// In a process that this package started as a spawner of sandboxes or as the monitor of
// one it never returns; in any other it returns at once.
func Init() {
	if len(os.Args) > 0 && os.Args[0] == monitor.Name {
		monitor.Run()
	}
	if len(os.Args) == 1 && os.Args[0] == guest.SpawnerName {
		guest.Spawn()
	}
}
