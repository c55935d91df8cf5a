package packager_test

import (
	"archive/zip"
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	slipway "github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/packager"
)

// configWithCache is a packager's configuration with caches of its own.
func (w *world) configWithCache(t *testing.T) packager.Config {
	return packager.Config{CacheDir: t.TempDir()}
}

func TestPythonSource(t *testing.T) {
	w := newWorld(t)
	handler := files{"handler.py": "import json, asyncio, ssl, sqlite3, http.client\ndef handler(event, context):\n    return {'got': event}\n"}

	t.Run("handler", func(t *testing.T) {
		b := w.build(t, handler, slipway.Config{}).must(t)
		if b.Runtime != slipway.RuntimePython || b.Handler != "handler.handler" || !strings.Contains(b.log, "base: ") {
			t.Errorf("result %+v\n%s", b.BuildResult, b.log)
		}
		if got := w.invoke(t, b.Digest, `{"a":1}`); got != `invocation/id/response {"got":{"a":1}}` {
			t.Errorf("it answered %s", got)
		}
	})
	t.Run("same source, same digest", func(t *testing.T) {
		first := w.build(t, handler, slipway.Config{}).must(t)
		second := w.buildArchive(t, handler.tar(t, time.Unix(1e9, 0), 0o600), slipway.Config{}).must(t)
		if first.Digest != second.Digest {
			t.Errorf("digests %s and %s", first.Digest, second.Digest)
		}
	})
	t.Run("configured handler", func(t *testing.T) {
		b := w.build(t, files{"slipway.yaml": "handler: pkg/other.go\n", "pkg/other.py": "def go(e, c): return 'other'\n"}, slipway.Config{Runtime: slipway.RuntimePython}).must(t)
		if got := w.invoke(t, b.Digest, `{}`); b.Handler != "" || got != `invocation/id/response "other"` {
			t.Errorf("handler %q answered %s", b.Handler, got)
		}
	})
	t.Run("program", func(t *testing.T) {
		b := w.build(t, files{"main.py": "import sys; print(sys.stdin.read() + '!')\n"}, slipway.Config{}).must(t)
		if got := w.run(t, b.Digest, "hi"); got != "hi!\n" {
			t.Errorf("it printed %q", got)
		}
	})
	t.Run("handler that does not exist", func(t *testing.T) {
		b := w.build(t, files{"handler.py": "def main(e, c): pass\n"}, slipway.Config{}).must(t)
		if got := w.invoke(t, b.Digest, `{}`); !strings.HasPrefix(got, "init/error") || !strings.Contains(got, "handler.py has no 'handler'; it has main") {
			t.Errorf("it answered %s", got)
		}
	})
	t.Run("ignored files", func(t *testing.T) {
		f := files{".gitignore": "secret.txt\n/top\n*.log\n!keep.log\n", "handler.py": "", ".git/config": "x", "a/secret.txt": "x", "top": "x", "a/top": "x", "b/x.log": "x", "b/keep.log": "x"}
		names := w.names(t, w.build(t, f, slipway.Config{}).must(t).Digest)
		for name, want := range map[string]bool{".git/config": false, "a/secret.txt": false, "top": false, "a/top": true, "b/x.log": false, "b/keep.log": true} {
			if slices.Contains(names, "var/task/"+name) != want {
				t.Errorf("%s is in the image: %v, want %v", name, !want, want)
			}
		}
	})
	t.Run("dependencies", func(t *testing.T) {
		f := files{"handler.py": "import answer\ndef handler(event, context):\n    return answer.x\n"}
		f["requirements.txt"], f["answer-1.0-py3-none-any.whl"] = "# offline\n./answer-1.0-py3-none-any.whl\n", wheel(t)
		b := w.build(t, f, slipway.Config{}).must(t)
		if got := w.invoke(t, b.Digest, `{}`); got != `invocation/id/response 42` {
			t.Errorf("it answered %s", got)
		}
		again := w.build(t, f, slipway.Config{}).must(t)
		if again.Digest != b.Digest || !strings.Contains(b.log, "Successfully installed") || strings.Contains(again.log, "installed") {
			t.Errorf("dependencies were installed again:\n%s\n%s", b.log, again.log)
		}
	})
	t.Run("dependency that does not exist", func(t *testing.T) {
		b := w.build(t, files{"requirements.txt": "./nowhere\n", "handler.py": ""}, slipway.Config{})
		b.refused(t, "pip install", "nowhere")
		if !strings.Contains(b.log, "nowhere") {
			t.Errorf("log %s", b.log)
		}
	})
}

func TestNodeSource(t *testing.T) {
	w := newWorld(t)
	t.Run("handler", func(t *testing.T) {
		b := w.build(t, files{"index.mjs": "export const handler = async (event) => ({ got: event });\n"}, slipway.Config{}).must(t)
		if b.Runtime != slipway.RuntimeNode || b.Handler != "index.handler" {
			t.Errorf("result %+v", b.BuildResult)
		}
		if got := w.invoke(t, b.Digest, `{"a":1}`); got != `invocation/id/response {"got":{"a":1}}` {
			t.Errorf("it answered %s", got)
		}
	})
	t.Run("start", func(t *testing.T) {
		b := w.build(t, files{"package.json": `{"scripts":{"start":"echo from the shell"}}`}, slipway.Config{}).must(t)
		if got := w.run(t, b.Digest, ""); b.Handler != "npm start" || got != "from the shell\n" {
			t.Errorf("handler %q printed %q", b.Handler, got)
		}
	})
	t.Run("dependencies", func(t *testing.T) {
		f := files{"package.json": `{"dependencies":{"is-number":"7.0.0"}}`, "index.js": "exports.handler = async () => require('is-number')(7);\n"}
		b := w.build(t, f, slipway.Config{}).must(t)
		if got := w.invoke(t, b.Digest, `{}`); got != `invocation/id/response true` {
			t.Errorf("it answered %s", got)
		}
		f["index.js"] += "\n"
		if again := w.build(t, f, slipway.Config{}).must(t); strings.Contains(again.log, "added") {
			t.Errorf("dependencies were installed again:\n%s", again.log)
		}
	})
}

// wheel is a Python package (PEP 427) with the module answer.
func wheel(t *testing.T) string {
	t.Helper()
	var buf bytes.Buffer
	zw := zip.NewWriter(&buf)
	for _, f := range []struct{ name, content string }{
		{"answer.py", "x = 42\n"},
		{"answer-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: answer\nVersion: 1.0\n"},
		{"answer-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{"answer-1.0.dist-info/RECORD", "answer.py,,\nanswer-1.0.dist-info/METADATA,,\nanswer-1.0.dist-info/WHEEL,,\nanswer-1.0.dist-info/RECORD,,\n"},
	} {
		fw, err := zw.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(fw, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}
