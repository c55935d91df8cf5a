package sandboxtest

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
)

// testProcess is about how the program is started.
func testProcess(t *testing.T, b *Bench) {
	t.Run("arguments, environment and folder", func(t *testing.T) {
		spec := b.Spec("args", "one", "two words", "")
		spec.Env, spec.Dir = []string{"A=1", "B=x y"}, "/made/for/it"
		wantLines(t, b.OutputOf(t, spec), `args ["one" "two words" ""]`, "dir /made/for/it", "env A=1", "env B=x y", "env HOME=/root")
	})
	t.Run("found in PATH", func(t *testing.T) {
		spec := b.Spec()
		spec.Args, spec.Env = []string{"payload", "id"}, []string{"PATH=/nowhere:/"}
		b.OutputOf(t, spec)
	})
	t.Run("nothing is inherited", func(t *testing.T) {
		t.Setenv("SECRET_OF_THE_HOST", "x")
		if out := b.Output(t, "args"); strings.Contains(out, "SECRET") {
			t.Errorf("the host's environment is there:\n%s", out)
		}
		// 3 is the folder that is being read, 4 the poller of Go's runtime.
		if out := b.Output(t, "fds"); strings.Fields(out)[0] != "0" || len(strings.Fields(out)) > 6 {
			t.Errorf("open files: %q", out)
		}
	})
	t.Run("large arguments", func(t *testing.T) {
		word := strings.Repeat("x", 100<<10)
		spec := b.Spec("args", word, word, word, word)
		if out := b.OutputOf(t, spec); len(out) < 4*len(word) {
			t.Errorf("%d bytes arrived", len(out))
		}
	})
	t.Run("streams", func(t *testing.T) {
		for _, user := range []string{"", "app"} {
			spec := b.Spec("shout")
			spec.User = user
			wantLines(t, b.OutputOf(t, spec), "to stdout", "to stderr", "to /dev/stdout")
		}
		s := b.Create(t, b.Spec("shout"))
		if err := s.Start(context.Background(), slipway.Stdio{}); err != nil {
			t.Fatal(err)
		}
		if exit := (&Process{Sandbox: s}).Wait(t); !exit.Success() {
			t.Errorf("without streams: %s", exit)
		}
	})
	t.Run("user", func(t *testing.T) { testUser(t, b) })
	t.Run("cannot be started", func(t *testing.T) { testRefusals(t, b) })
	t.Run("starts once", func(t *testing.T) {
		p := b.Start(t, b.Spec("pause"))
		if err := p.Start(context.Background(), slipway.Stdio{}); !errors.Is(err, slipway.ErrConflict) {
			t.Errorf("second start: %v", err)
		}
	})
	t.Run("standard input", func(t *testing.T) {
		p := b.Start(t, b.Spec("read"))
		Eventually(t, "the process reads its input", p.ReadsStdin)
		if _, err := io.WriteString(p.Stdin, "hello\n"); err != nil {
			t.Fatal(err)
		}
		p.Expect(t, "read hello")
		p.Stdin.Close()
		p.Expect(t, "end")
		p.Wait(t)
		if p.ReadsStdin() {
			t.Error("a process that has ended reads")
		}
		if q := b.Start(t, b.Spec("pause")); !func() bool { q.Expect(t, "paused"); return !q.ReadsStdin() }() {
			t.Error("a process that does not read is said to read")
		}
	})
}

func testUser(t *testing.T, b *Bench) {
	for user, want := range map[string]string{
		"":          "uid 0 gid 0 groups [] home /root",
		"app":       "uid 1000 gid 1001 groups [6 44] home /home/app",
		"1000":      "uid 1000 gid 1001 groups [6 44] home /home/app",
		"app:video": "uid 1000 gid 44 groups [] home /home/app",
		"7:8":       "uid 7 gid 8 groups [] home /",
	} {
		spec := b.Spec("id")
		spec.User = user
		out := b.OutputOf(t, spec)
		if strings.Join(strings.Fields(out), " ") != strings.Join(strings.Fields(sortGroups(out, want)), " ") {
			t.Errorf("user %q: %s, want %s", user, out, want)
		}
	}
	for _, user := range []string{"nobody-of-that-name", "app:no-such-group", "70000"} {
		spec := b.Spec("id")
		spec.User = user
		if err := b.startError(t, spec); !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("user %q: %v", user, err)
		}
	}
}

// sortGroups takes the groups in the order they have in the image's file, too.
func sortGroups(out, want string) string {
	if strings.Contains(out, "[44 6]") {
		return strings.Replace(want, "[6 44]", "[44 6]", 1)
	}
	return want
}

// testRefusals is about programs that cannot be started: the fault is the image's, and
// the message says what.
func testRefusals(t *testing.T, b *Bench) {
	layer := Layer(t, map[string]string{"bin/script": "#!/no/such/interpreter\n", "bin/text": "not a program", "etc/motd": "hello"})
	for name, c := range map[string]struct {
		args []string
		dir  string
		want []string
	}{
		"missing":                {[]string{"/no/such/program"}, "", []string{"exec /no/such/program", "no such file"}},
		"not in PATH":            {[]string{"nothing"}, "", []string{"exec nothing", "PATH"}},
		"not executable":         {[]string{"/etc/motd"}, "", []string{"exec /etc/motd", "permission denied"}},
		"missing interpreter":    {[]string{"/bin/script"}, "", []string{"exec /bin/script", "interpreter"}},
		"no program":             {[]string{"/bin/text"}, "", []string{"exec /bin/text", "exec format error"}},
		"nothing to run":         {nil, "", []string{"no program is named"}},
		"folder that is no such": {[]string{"/payload"}, "/etc/motd/x", []string{"working directory /etc/motd/x", "not a directory"}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := b.Spec()
			spec.Layers = append([]string{layer}, spec.Layers...)
			spec.Args, spec.Dir = c.args, c.dir
			makeExecutable(t, layer, "bin/script", "bin/text")
			err := b.startError(t, spec)
			if !errors.Is(err, slipway.ErrInvalid) {
				t.Fatalf("%v, want %v", err, slipway.ErrInvalid)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
		})
	}
}

// startError is the error of Create or of Start.
func (b *Bench) startError(t *testing.T, spec slipway.SandboxSpec) error {
	t.Helper()
	s, err := b.Launcher.Create(context.Background(), spec)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = TryStart(t, s)
	return err
}
