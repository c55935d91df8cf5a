package sandboxtest

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

// testHostile is about programs that take all they can get: each is stopped by a limit,
// learns of it by an ordinary error, and does not keep its neighbour from answering.
func testHostile(t *testing.T, b *Bench) {
	neighbour := b.Start(t, b.Spec("echo", "tcp,127.0.0.1:8080"))
	neighbour.Expect(t, "listening")
	unharmed := func(t *testing.T) {
		t.Helper()
		echoes(t, neighbour, "tcp", "127.0.0.1:8080")
	}
	for name, c := range map[string]struct {
		args []string
		met  string // the first line of output, an expression
	}{
		"zombies":               {[]string{"zombies"}, `refused: resource temporarily unavailable`},
		"open files":            {[]string{"leak"}, `refused after 2\d\d too many open files`},
		"descriptors in flight": {[]string{"inflight"}, `refused: (too many references: cannot splice|too many open files)`},
		"inodes of the root":    {[]string{"inodes", "/tmp"}, `refused after \d{4} no space left on device`},
		"inodes in memory":      {[]string{"inodes", "/dev/shm"}, `refused after \d{4} no space left on device`},
		"disk":                  {[]string{"fill", "/tmp/big"}, `full at 1\d no space left on device`},
	} {
		t.Run(name, func(t *testing.T) {
			spec := b.Spec(c.args...)
			spec.EphemeralMB = 16
			p := b.Start(t, spec)
			line, err := bufio.NewReader(p.Stdout).ReadString('\n')
			if err != nil || !regexp.MustCompile(`^`+c.met+`\n$`).MatchString(line) {
				t.Errorf("it met %q, %v; want %s", line, err, c.met)
			}
			unharmed(t)
			must(t, p.Close())
		})
	}
	t.Run("threads", func(t *testing.T) {
		out, exit := b.Run(t, b.Spec("threads"))
		if exit.Code != 2 || !strings.Contains(out, "failed to create new OS thread") {
			t.Errorf("%s\n%.300s", exit, out)
		}
		unharmed(t)
	})
	t.Run("fork bomb", func(t *testing.T) {
		p := b.Start(t, b.Spec("bomb"))
		p.Expect(t, "burning")
		Eventually(t, "it has as many processes as it may", func() bool {
			u, err := p.Usage()
			must(t, err)
			if u.PIDs > 64 {
				t.Fatalf("it has %d processes of 64", u.PIDs)
			}
			return u.PIDs >= 60
		})
		unharmed(t)
		must(t, p.Close())
		if exit := p.Wait(t); exit.Success() {
			t.Errorf("%s", exit)
		}
	})
	t.Run("storm of programs", func(t *testing.T) {
		p := b.Start(t, b.Spec("execs"))
		p.Expect(t, "storming")
		Eventually(t, "it has used 50 ms", func() bool { return cpu(t, p) > 50*time.Millisecond })
		unharmed(t)
		must(t, p.Close())
	})
	t.Run("stops and ends itself", func(t *testing.T) {
		p := b.Start(t, b.Spec("stopper"))
		for _, line := range []string{"stop child: <nil>", "stop self: <nil>", "kill init: <nil>", "stop init: <nil>", "paused"} {
			p.Expect(t, line) // the kernel takes the signals and gives the first process none
		}
		unharmed(t)
		must(t, p.Close())
	})
}

// testHogs is about memory that is nobody's own: each way to get some counts.
func testHogs(t *testing.T, b *Bench) {
	neighbour := b.Start(t, b.Spec("echo", "tcp,127.0.0.1:8080"))
	neighbour.Expect(t, "listening")
	for _, way := range []string{"anonymous", "page tables", "memfd", "shm", "sysv", "pipes", "unix", "tcp"} {
		t.Run(way, func(t *testing.T) {
			hogs(t, b, way)
			echoes(t, neighbour, "tcp", "127.0.0.1:8080")
		})
	}
}

// hogs takes more memory than there is. Pipes and sockets may be refused before,
// by the number of files. Control groups of version 1 bound the buffers of connections
// apart, and let each socket have one packet whatever the bound.
func hogs(t *testing.T, b *Bench, way string) {
	t.Helper()
	spec := b.Spec("hogin", way)
	spec.MemoryMB, spec.EphemeralMB, spec.OpenFiles = 32, 512, 1000
	p := b.Start(t, spec)
	out, err := io.ReadAll(p.Stdout)
	must(t, err)
	exit := p.Wait(t)
	if held := 0; exit == (slipway.Exit{}) {
		if _, err := fmt.Sscanf(string(out), "refused at %d MiB", &held); err != nil || held > 8*spec.MemoryMB {
			t.Errorf("a sandbox of %d MiB holds much more: %s", spec.MemoryMB, out)
		}
	} else if exit != (slipway.Exit{OOM: true}) {
		t.Errorf("%s: %s", exit, out)
	}
	u, err := p.Usage()
	must(t, err)
	if most := int64(spec.MemoryMB+1) << 20; u.MemoryPeak > most {
		t.Errorf("%d bytes were used of %d", u.MemoryPeak, most)
	}
}
