package testenv_test

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/testenv"
)

func TestPostgresGivesADatabasePerTest(t *testing.T) {
	first, second := testenv.Postgres(t), testenv.Postgres(t)
	if first == second {
		t.Fatalf("twice the same database: %s", first)
	}
	psql := testenv.Require(t, "psql", "/usr/lib/postgresql/*/bin")
	for _, url := range []string{first, second} {
		out, err := exec.Command(psql, url, "-tAc", "CREATE TABLE t (n int); SELECT count(*) FROM t").CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "CREATE TABLE\n0" {
			t.Errorf("use %s: %v: %s", url, err, out)
		}
	}
}

func TestNATSGivesAServerPerTest(t *testing.T) {
	first, second := testenv.NATS(t), testenv.NATS(t)
	if first == second {
		t.Fatalf("twice the same server: %s", first)
	}
}

func TestFreePort(t *testing.T) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(t)))
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestEventuallyAsksAgain(t *testing.T) {
	asked := 0
	testenv.Eventually(t, time.Minute, func() error {
		if asked++; asked < 5 {
			return errors.New("not yet")
		}
		return nil
	})
	if asked != 5 {
		t.Errorf("asked %d times, want 5", asked)
	}
}

// victim in the environment makes this process the one that gets killed.
const victim = "SLIPWAY_TESTENV_VICTIM"

func TestNothingOutlivesAKilledTest(t *testing.T) {
	if os.Getenv(victim) != "" {
		startAndDie(t)
	}
	tmp := publicDir(t)
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), victim+"=1", "TMPDIR="+tmp)
	out, err := child.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the second process ended otherwise than by SIGKILL: %v: %s", err, out)
	}
	addresses := strings.Fields(string(out))
	if len(addresses) != 2 {
		t.Fatalf("the second process was to print two addresses, not %q", out)
	}
	testenv.Eventually(t, time.Minute, func() error {
		left, err := filepath.Glob(filepath.Join(tmp, "*"))
		if len(left) > 0 {
			err = fmt.Errorf("%v is left", left)
		}
		return err
	})
	for _, address := range addresses {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			t.Errorf("something listens on %s still", address)
		}
	}
}

// startAndDie starts both servers, prints where they listen, and kills this process.
func startAndDie(t *testing.T) {
	for _, raw := range []string{testenv.Postgres(t), testenv.NATS(t)} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(u.Host)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {} // the signal is on its way
}

// publicDir is a folder in which every user can make files, as in /tmp.
func publicDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "slipway-testenv-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}
