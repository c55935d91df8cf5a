package main

import (
	"context"
	"strings"

	"github.com/slipway-run/slipway"
)

// launchers make each sandbox by the one that its isolation names.
type launchers struct {
	native, oci slipway.Launcher
}

// Create implements slipway.Launcher.
func (l launchers) Create(ctx context.Context, spec slipway.SandboxSpec) (slipway.Sandbox, error) {
	if strings.HasPrefix(spec.Isolation, "oci:") {
		return l.oci.Create(ctx, spec)
	}
	return l.native.Create(ctx, spec)
}
