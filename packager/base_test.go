package packager_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	slipway "github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/packager"
)

func TestBases(t *testing.T) {
	w := newWorld(t)
	source := files{"handler.py": "def handler(event, context): return 1\n"}.tar(t, time.Now(), 0o644)
	build := func(t *testing.T, cfg packager.Config) built {
		t.Helper()
		cfg.CacheDir = t.TempDir()
		return w.buildWith(t, w.newPackager(t, cfg), source, slipway.Config{})
	}
	registry := newRegistry(t)
	registry.login(t, registryPassword)
	reference := registry.push(t, "my/python:1", imageOf(t, plainLayer(t, "usr/bin/python3", "a fake")))

	t.Run("from a registry", func(t *testing.T) {
		cfg := packager.Config{PythonBase: reference, CacheDir: t.TempDir()}
		p := w.newPackager(t, cfg)
		b := w.buildWith(t, p, source, slipway.Config{}).must(t)
		if !strings.Contains(b.log, "base: "+reference+" (sha256:") {
			t.Errorf("log %s", b.log)
		}
		registry.status.Store(http.StatusServiceUnavailable)
		defer registry.status.Store(0)
		again := w.buildWith(t, p, source, slipway.Config{}).must(t)
		if again.Digest != b.Digest {
			t.Errorf("digests %s and %s", b.Digest, again.Digest)
		}
	})
	t.Run("reference to nothing", func(t *testing.T) {
		build(t, packager.Config{PythonBase: registry.host + "/my/none:1"}).refused(t, "does not have it")
	})
	t.Run("not a reference", func(t *testing.T) {
		build(t, packager.Config{PythonBase: "A B"}).refused(t, "not a reference")
	})
	t.Run("neither registry nor mmdebstrap", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		b := build(t, packager.Config{PythonBase: deadHost(t) + "/x"})
		wantErr(t, b.err, slipway.ErrUnavailable, "apt-get install mmdebstrap")
	})
	t.Run("suite that does not exist", func(t *testing.T) {
		b := build(t, packager.Config{PythonBase: deadHost(t) + "/x", Suite: "nosuchsuite"})
		wantErr(t, b.err, slipway.ErrUnavailable, "nosuchsuite")
	})
	t.Run("made once from packages", func(t *testing.T) {
		cfg := packager.Config{PythonBase: deadHost(t) + "/x", CacheDir: t.TempDir()}
		first := w.buildWith(t, w.newPackager(t, cfg), source, slipway.Config{}).must(t)
		if !strings.Contains(first.log, "base: python 3.") || !strings.Contains(first.log, "from Debian packages (") {
			t.Errorf("log %s", first.log)
		}
		if got := w.invoke(t, first.Digest, `{}`); got != "invocation/id/response 1" {
			t.Errorf("it answered %s", got)
		}
		second := w.buildWith(t, w.newPackager(t, cfg), source, slipway.Config{}).must(t)
		if second.Digest != first.Digest || strings.Contains(second.log, "making a base") {
			t.Errorf("it was made again: %s", second.log)
		}
		other := &world{store: newStore(t, t.TempDir(), nil), launcher: w.launcher}
		third := other.buildWith(t, other.newPackager(t, cfg), source, slipway.Config{}).must(t)
		if third.Digest != first.Digest || strings.Contains(third.log, "making a base") {
			t.Errorf("a store that shares the cache made it again: %s", third.log)
		}
		img, err := w.store.Prepare(t.Context(), first.Digest)
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range img.Layers {
			if _, err := os.Stat(layer + "/usr/share/doc"); err == nil {
				t.Error("documentation is in the base")
			}
		}
	})
}
