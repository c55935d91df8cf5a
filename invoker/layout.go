package invoker

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-run/slipway"
)

// The layout of AWS Lambda's base images, which images for it rely on:
// https://docs.aws.amazon.com/lambda/latest/dg/images-create.html

// taskRoot is where the code is.
const taskRoot = "/var/task"

// bootstraps are where the program of an image without an entrypoint can be, as AWS looks
// for that of the runtime `provided`.
var bootstraps = []string{"/var/runtime/bootstrap", "/var/task/bootstrap", "/opt/bootstrap"}

// argv is the command line of an instance, and its working directory.
func argv(image slipway.Image, command []string) (args []string, dir string) {
	if args = image.Argv(command); len(args) > 0 {
		return args, image.WorkingDir
	}
	for _, path := range bootstraps {
		if within(image, path) {
			return []string{path}, orDefault(image.WorkingDir, taskRoot)
		}
	}
	return nil, image.WorkingDir
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// within says whether a layer of the image has path.
func within(image slipway.Image, path string) bool {
	return slices.ContainsFunc(image.Layers, func(layer string) bool {
		_, err := os.Lstat(filepath.Join(layer, path))
		return err == nil
	})
}

// handler is what Lambda's programs find in _HANDLER: what the configuration says, else
// the command of the image, which such images give to their entrypoint.
func handler(spec slipway.Spec, image slipway.Image) string {
	switch c := spec.Config; {
	case c.Handler != "":
		return c.Handler
	case len(c.Command) == 0 && len(image.Entrypoint) > 0 && len(image.Cmd) > 0:
		return image.Cmd[0]
	}
	return ""
}

// extend adds the folders of Lambda's layers that the image has to the variables that
// programs and libraries are looked for by.
func extend(env map[string]string, image slipway.Image) {
	for _, v := range []struct{ name, dir string }{
		{"PATH", "/opt/bin"},
		{"LD_LIBRARY_PATH", "/var/runtime/lib"}, {"LD_LIBRARY_PATH", "/var/task/lib"}, {"LD_LIBRARY_PATH", "/opt/lib"},
	} {
		switch has := slices.Contains(strings.Split(env[v.name], ":"), v.dir); {
		case has || !within(image, v.dir):
		case env[v.name] == "":
			env[v.name] = v.dir
		default:
			env[v.name] += ":" + v.dir
		}
	}
}
