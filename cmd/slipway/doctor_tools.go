package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/slipway-run/slipway/internal/sandbox"
)

// checkGo looks for the toolchain that compiles functions in Go.
func checkGo(ctx context.Context) finding {
	path, err := exec.LookPath("go")
	if err != nil {
		return warning("install Go (https://go.dev/dl) and put it in the PATH of the server", "no toolchain: functions in Go cannot be deployed as source")
	}
	cmd := exec.CommandContext(ctx, path, "env", "GOVERSION")
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local")
	version, err := cmd.Output()
	if err != nil {
		return warning("install Go again (https://go.dev/dl)", "%s does not work: %v", path, err)
	}
	return fine("%s (%s)", strings.TrimSpace(string(version)), path)
}

// checkBases looks for what makes the images below Python and Node functions where no
// registry can be reached.
func checkBases(context.Context) finding {
	path, err := exec.LookPath("mmdebstrap")
	if err != nil {
		return warning("apt-get install mmdebstrap, or see to it that a registry of images can be reached, or name images with --python-base and --node-base",
			"no mmdebstrap: bases for Python and Node come from a registry only")
	}
	return fine("%s makes bases for Python and Node where no registry can be reached", path)
}

// checkRuntimes looks for what a function can choose in place of the native runtime.
func checkRuntimes(context.Context) finding {
	var found []string
	for _, r := range sandbox.Runtimes(nil) {
		found = append(found, fmt.Sprintf("oci:%s (%s)", r.Name, r.Path))
	}
	if len(found) == 0 {
		return fine("none in PATH, and none is needed: for isolation: oci:runc install the package runc")
	}
	return fine("functions can have isolation: %s", strings.Join(found, ", "))
}
