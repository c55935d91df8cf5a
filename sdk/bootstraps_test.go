package sdk_test

import (
	"io/fs"
	"testing"

	"github.com/slipway-run/slipway/sdk"
)

func TestBootstrapsAreWhole(t *testing.T) {
	for name, c := range map[string]struct {
		files fs.FS
		want  []string
	}{
		"python": {sdk.Python, []string{"bootstrap.py", "slipway_runtime/main.py", "slipway_runtime/__init__.py"}},
		"node":   {sdk.Node, []string{"bootstrap.cjs", "lib/events.cjs"}},
	} {
		for _, file := range c.want {
			if info, err := fs.Stat(c.files, file); err != nil || info.Size() == 0 {
				t.Errorf("%s: %s: %v, %v", name, file, info, err)
			}
		}
	}
}
