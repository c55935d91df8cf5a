package invoker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

func TestStdio(t *testing.T) {
	m := boot(t)
	ref := m.deploy("fn", slipway.ProtocolStdio)

	t.Run("text", func(t *testing.T) {
		resp := m.send(request(ref, "POST", "/", "hello"))
		if body := read(t, resp); body != "HELLO" || resp.Status != 200 || resp.Header["Content-Type"][0] != "text/plain; charset=utf-8" {
			t.Errorf("%d %v %q", resp.Status, resp.Header, body)
		}
	})
	t.Run("JSON", func(t *testing.T) {
		resp := m.send(request(ref, "POST", "/", `{"A":1}`))
		if body := read(t, resp); body != `{"A":1}` || resp.Header["Content-Type"][0] != "application/json" {
			t.Errorf("%v %q", resp.Header, body)
		}
	})
	t.Run("no body", func(t *testing.T) {
		if _, body := m.get(ref, "/"); body != "" {
			t.Errorf("%q", body)
		}
	})
	t.Run("more than is held back", func(t *testing.T) {
		resp := m.send(request(ref, "POST", "/", "long"))
		if body := read(t, resp); len(body) != 4<<20 || resp.Length != -1 {
			t.Errorf("%d bytes, length %d", len(body), resp.Length)
		}
	})
	t.Run("fails", func(t *testing.T) {
		resp := m.send(request(ref, "POST", "/", "fail"))
		wantFailure(t, resp, slipway.ErrorTypeExit, "exit status 9")
		if !strings.Contains(resp.LogTail, "something is wrong") {
			t.Errorf("log tail %q", resp.LogTail)
		}
	})
	t.Run("timeout", func(t *testing.T) {
		ref := m.deploy("slow", slipway.ProtocolStdio, func(c *slipway.Config) { c.Timeout = slipway.Duration(2 * time.Second) })
		wantFailure(t, m.send(request(ref, "POST", "/", "sleep")), slipway.ErrorTypeTimeout, "timed out after 2.00 seconds")
	})
	t.Run("caller goes away", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() {
			_, err := m.Invoke(ctx, request(ref, "POST", "/", "sleep"))
			gone <- err
		}()
		until(t, "the event runs", func() bool {
			for _, i := range m.pool.Instances(nil) {
				if i.State == slipway.InstanceBusy {
					return true
				}
			}
			return false
		})
		cancel()
		wantKind(t, <-gone, context.Canceled)
	})
	t.Run("no such program", func(t *testing.T) {
		resp := m.send(request(m.deploy("none", slipway.ProtocolStdio, command("/nothing")), "POST", "/", "x"))
		wantFailure(t, resp, "Runtime.InvalidEntrypoint", "/nothing")
	})
	until(t, "every instance is gone: one event each", func() bool { return len(m.pool.Instances(nil)) == 0 })
}
