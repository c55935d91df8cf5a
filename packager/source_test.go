package packager_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	slipway "github.com/slipway-run/slipway"
)

const goMain = "package main\n\nimport \"os\"\n\nfunc main() { os.Stdout.WriteString(\"made by go\\n\") }\n"

func TestGoSource(t *testing.T) {
	w := newWorld(t)
	module := files{"go.mod": "module example.com/f\n\ngo 1.24\n", "main.go": goMain}

	t.Run("program at the top", func(t *testing.T) {
		b := w.build(t, module, slipway.Config{}).must(t)
		if b.Runtime != slipway.RuntimeGo || b.Handler != "" || b.Image != "t/f@"+b.Digest {
			t.Errorf("result %+v", b.BuildResult)
		}
		if got := w.run(t, b.Digest, ""); got != "made by go\n" {
			t.Errorf("it printed %q", got)
		}
		if names := w.names(t, b.Digest); !slices.Contains(names, "etc/passwd") || !slices.Contains(names, "var/task/main") {
			t.Errorf("image holds %q", names)
		}
	})
	t.Run("same source, same digest", func(t *testing.T) {
		first := w.build(t, module, slipway.Config{}).must(t)
		old := syscall.Umask(0o077)
		defer syscall.Umask(old)
		p := w.newPackager(t, w.configWithCache(t))
		second := w.buildWith(t, p, module.tar(t, time.Unix(1e9, 0), 0o600), slipway.Config{}).must(t)
		if first.Digest != second.Digest {
			t.Errorf("digests %s and %s", first.Digest, second.Digest)
		}
	})
	t.Run("program in a folder", func(t *testing.T) {
		f := files{"go.mod": module["go.mod"], "lib.go": "package lib\n", "cmd/api/main.go": goMain}
		if got := w.run(t, w.build(t, f, slipway.Config{}).must(t).Digest, ""); got != "made by go\n" {
			t.Errorf("it printed %q", got)
		}
		f["cmd/other/main.go"] = goMain
		w.build(t, f, slipway.Config{}).refused(t, "several programs: ./cmd/api, ./cmd/other", "handler")
		w.build(t, f, slipway.Config{Handler: "cmd/other"}).must(t)
		w.build(t, f, slipway.Config{Handler: "cmd/none"}).refused(t, "no package main in that folder")
		w.build(t, f, slipway.Config{Handler: "../x"}).refused(t, "it is the folder of a package main")
	})
	t.Run("no program", func(t *testing.T) {
		w.build(t, files{"go.mod": module["go.mod"], "lib.go": "package lib\n"}, slipway.Config{}).refused(t, "no package main")
	})
	t.Run("compile error", func(t *testing.T) {
		b := w.build(t, files{"go.mod": module["go.mod"], "main.go": "package main\n\nfunc main() { undefined() }\n"}, slipway.Config{})
		b.refused(t, "compile", "./main.go:3:15: undefined: undefined")
		if !strings.Contains(b.log, "./main.go:3:15: undefined: undefined") {
			t.Errorf("log %q", b.log)
		}
	})
	t.Run("module from a proxy", func(t *testing.T) {
		w.buildArchive(t, tarFolder(t, "../examples/go-lambda"), slipway.Config{}).must(t)
	})
}

func TestBootstrapSource(t *testing.T) {
	w := newWorld(t)
	t.Run("shell script", func(t *testing.T) {
		b := w.buildArchive(t, tarFolder(t, "../examples/shell-stdio"), slipway.Config{}).must(t)
		if got := w.run(t, b.Digest, "Ada"); b.Runtime != slipway.RuntimeBootstrap || got != "Hello, Ada!\n" {
			t.Errorf("runtime %s printed %q", b.Runtime, got)
		}
	})
	t.Run("static program", func(t *testing.T) {
		made := w.build(t, files{"go.mod": "module f\n", "main.go": goMain}, slipway.Config{}).must(t)
		img, err := w.store.Prepare(t.Context(), made.Digest)
		if err != nil {
			t.Fatal(err)
		}
		b := w.build(t, files{"bootstrap*": contentOf(t, img, "var/task/main")}, slipway.Config{}).must(t)
		if got := w.run(t, b.Digest, ""); got != "made by go\n" {
			t.Errorf("it printed %q", got)
		}
		if strings.Contains(b.log, "base:") {
			t.Errorf("a static program needs no base: %s", b.log)
		}
	})
	t.Run("neither", func(t *testing.T) {
		w.build(t, files{"bootstrap*": "hello"}, slipway.Config{}).refused(t, "neither a program for Linux nor a script")
		w.build(t, files{"x": ""}, slipway.Config{Runtime: slipway.RuntimeBootstrap}).refused(t, "there is no file bootstrap")
	})
}

func TestSourceRefused(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		files files
		cfg   slipway.Config
		words []string
	}{
		"no runtime":             {files{"README.md": "", "docs/x": ""}, slipway.Config{}, []string{"looked for go.mod", "found README.md, docs/"}},
		"bootstrap without mode": {files{"bootstrap": "#!/bin/sh\n"}, slipway.Config{}, []string{"chmod +x bootstrap"}},
		"Dockerfile":             {files{"Dockerfile": "FROM x\n"}, slipway.Config{}, []string{"build the image elsewhere", "--image"}},
		"Dockerfile and more":    {files{"Dockerfile": "FROM x\n", "go.mod": "module x\n"}, slipway.Config{}, []string{"could also be built as go", "--runtime go"}},
		"runtime dockerfile":     {files{"Dockerfile": "FROM x\n"}, slipway.Config{Runtime: slipway.RuntimeDockerfile}, []string{"--image"}},
		"runtime image":          {files{"x": ""}, slipway.Config{Runtime: slipway.RuntimeImage}, []string{"--image"}},
		"go without go.mod":      {files{"main.go": goMain}, slipway.Config{Runtime: slipway.RuntimeGo}, []string{"go mod init"}},
		"unknown key":            {files{"slipway.yaml": "memroy_mb: 5\n", "handler.py": ""}, slipway.Config{}, []string{"slipway.yaml", "memroy_mb"}},
		"value out of bounds":    {files{"slipway.yaml": "memory_mb: 5\n", "handler.py": ""}, slipway.Config{}, []string{"slipway.yaml", "memory_mb: 5", "16"}},
		"broken YAML":            {files{"slipway.yaml": "a: [\n", "handler.py": ""}, slipway.Config{}, []string{"slipway.yaml"}},
		"YAML that is a list":    {files{"slipway.yaml": "- a\n", "handler.py": ""}, slipway.Config{}, []string{"slipway.yaml"}},
		"several scripts":        {files{"a.py": "", "b.py": ""}, slipway.Config{}, []string{"handler.py, app.py", "module.function"}},
		"node without entry":     {files{"package.json": "{}"}, slipway.Config{}, []string{"no script start", "index.js"}},
		"broken package.json":    {files{"package.json": "{"}, slipway.Config{}, []string{"package.json"}},
	} {
		t.Run(name, func(t *testing.T) { w.build(t, c.files, c.cfg).refused(t, c.words...) })
	}
	t.Run("empty", func(t *testing.T) { w.buildArchive(t, nil, slipway.Config{}).refused(t, "it is empty") })
	t.Run("not an archive", func(t *testing.T) {
		w.buildArchive(t, []byte("hello, this is no archive"), slipway.Config{}).refused(t, "not a complete archive")
	})
	t.Run("cut off", func(t *testing.T) {
		var buf bytes.Buffer
		zw := gzip.NewWriter(&buf)
		_, _ = zw.Write(files{"handler.py": strings.Repeat("x = 1\n", 1000)}.tar(t, time.Now(), 0o644))
		_ = zw.Close()
		w.buildArchive(t, buf.Bytes()[:buf.Len()/2], slipway.Config{}).refused(t, "source")
	})
}

// tarFolder packs a folder below a top folder, as many tools do.
func tarFolder(t *testing.T, dir string) []byte {
	t.Helper()
	f := files{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(dir + "/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		name := "folder/" + e.Name()
		if info, err := e.Info(); err == nil && info.Mode()&0o100 != 0 {
			name += "*"
		}
		f[name] = string(raw)
	}
	return f.tar(t, time.Now(), 0o644)
}
