package packager_test

import (
	"io"
	"slices"
	"testing"
	"time"

	slipway "github.com/slipway-run/slipway"
)

// TestPrograms builds sources for jobs: each gets its arguments as any program does, and
// its exit status is the job's.
func TestPrograms(t *testing.T) {
	w := newWorld(t)
	const goArgs = "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc main() { fmt.Println(os.Args[1:]); os.Exit(3) }\n"
	const pythonArgs = "import sys\nprint('[' + ' '.join(sys.argv[1:]) + ']')\nsys.exit(3)\n"
	const nodeArgs = "console.log(`[${process.argv.slice(2).join(' ')}]`); process.exitCode = 3;\n"
	for name, c := range map[string]struct {
		files   files
		handler string
	}{
		"go":                 {files{"go.mod": "module example.com/f\n\ngo 1.24\n", "main.go": goArgs}, ""},
		"bootstrap":          {files{"bootstrap*": "#!/bin/sh\necho \"[$*]\"\nexit 3\n"}, ""},
		"python main":        {files{"main.py": pythonArgs, "handler.py": "raise SystemExit(9)\n"}, ""},
		"python alone":       {files{"count.py": "import helper.x\n" + pythonArgs, "helper/x.py": ""}, ""},
		"python named":       {files{"a.py": "", "bin/b.py": "import a\n" + pythonArgs}, "bin/b.py"},
		"node index":         {files{"index.mjs": nodeArgs}, ""},
		"node main":          {files{"package.json": `{"main":"./lib/go.js"}`, "lib/go.js": nodeArgs, "index.js": ""}, ""},
		"node start":         {files{"package.json": `{"scripts":{"start":"node go.js"}}`, "go.js": nodeArgs}, ""},
		"node start a shell": {files{"package.json": `{"scripts":{"start":"X=1 node go.js"}}`, "go.js": nodeArgs}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			req := slipway.BuildRequest{Program: true, Config: slipway.Config{Handler: c.handler}}
			b := w.request(t, w.packager, c.files.tar(t, time.Now(), 0o644), req).must(t)
			box, r := w.sandboxWith(t, b.Digest, []string{"one two", "3"}, "", nil)
			printed, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			<-box.Done()
			if box.Exit().Code != 3 || string(printed) != "[one two 3]\n" {
				t.Errorf("%v, %q", box.Exit(), printed)
			}
		})
	}
	t.Run("no bootstrap", func(t *testing.T) {
		b := w.request(t, w.packager, files{"main.py": ""}.tar(t, time.Now(), 0o644), slipway.BuildRequest{Program: true}).must(t)
		if slices.Contains(w.names(t, b.Digest), "var/runtime/bootstrap.py") {
			t.Error("the image of a program has a bootstrap")
		}
	})
	for name, c := range map[string]struct {
		files   files
		handler string
		say     string
	}{
		"a function":     {files{"main.py": ""}, "main.handler", `handler: "main.handler" is not allowed; what a job of the runtime python runs is a file`},
		"no such file":   {files{"main.py": ""}, "other.py", "other.py"},
		"outside":        {files{"main.py": ""}, "../../etc/x.py", "is not allowed"},
		"several python": {files{"a.py": "", "b.py": ""}, "", "main.py or __main__.py"},
		"several node":   {files{"a.js": "", "b.js": ""}, "", "index.js or main.js"},
	} {
		t.Run(name, func(t *testing.T) {
			req := slipway.BuildRequest{Program: true, Config: slipway.Config{Handler: c.handler}}
			w.request(t, w.packager, c.files.tar(t, time.Now(), 0o644), req).refused(t, c.say)
		})
	}
}
