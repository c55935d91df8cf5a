package gateway_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-run/slipway/gateway"
	"github.com/slipway-run/slipway/internal/testenv"
)

// TestUploadToAFullDisk uploads more than the gateway's disk has room for.
func TestUploadToAFullDisk(t *testing.T) {
	testenv.Root(t)
	dir := t.TempDir()
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"))
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	w := newWorld(t, func(c *gateway.Config) { c.SpoolDir = dir })
	for _, path := range []string{"/v1/blobs", "/v1/job-definitions/x/source"} {
		resp, body := w.call("POST", path, strings.Repeat("x", 100<<10))
		check(t, resp, body, 503, "the gateway's disk is full; free some room and try again")
	}
	// What was begun is gone, and what fits is taken.
	resp, body := w.call("POST", "/v1/blobs", strings.Repeat("x", 40<<10))
	check(t, resp, body, 201, "sha256:")
}
