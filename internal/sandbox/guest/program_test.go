package guest_test

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-run/slipway/internal/sandbox/guest"
)

// TestFailure looks for a call by its name: every step of every program has one.
func TestFailure(t *testing.T) {
	for name, p := range map[string]*guest.Program{
		"mount /proc":                   guest.Setup{}.Program(),
		"set net/x":                     guest.Setup{Sysctl: map[string]string{"net/x": "1"}}.Program(),
		"mask /proc/keys":               guest.Setup{Masked: []guest.Mask{{Path: "/proc/keys"}}}.Program(),
		"attach root":                   guest.Root{Dir: "/"}.Program(),
		"make working directory /a/b/c": guest.Root{Dir: "/a/b/c"}.Program(),
		"mount /some/where":             guest.Root{Dir: "/", Mounts: []guest.Mount{{Target: "/some/where", Dir: true}}}.Program(),
		"exec /app":                     guest.Start{Args: []string{"/app"}, Candidates: []string{"/app"}}.Program(),
	} {
		found := false
		for at := uint32(0); ; at++ {
			f := p.Failure(guest.Reply{At: at, Errno: uint32(syscall.EACCES)})
			if strings.HasPrefix(f.Step, "call ") { // behind the last
				break
			}
			found = found || f.Error() == name+": permission denied" && errors.Is(f, syscall.EACCES)
		}
		if !found {
			t.Errorf("no call is named %q", name)
		}
		if p.Failure(guest.Reply{At: 3}) != nil {
			t.Errorf("%s: a failure without an error", name)
		}
	}
}

func TestEncodeKeepsTheProgram(t *testing.T) {
	p := guest.Start{Args: []string{"a", "b"}, Env: []string{"C=d"}, Candidates: []string{"/bin/a", "/usr/bin/a"}}.Program()
	for _, p := range []*guest.Program{p, guest.Seal{Filter: make([]byte, 16)}.Program()} {
		if first := p.Encode(); !bytes.Equal(first, p.Encode()) {
			t.Error("a program that is sent twice is not the same")
		}
	}
}

func TestCandidates(t *testing.T) {
	for _, tt := range []struct{ name, path, want string }{
		{"/bin/a", "/usr/bin", "/bin/a"},
		{"./a", "/usr/bin", "./a"},
		{"a", "/usr/bin::/bin", "/usr/bin/a ./a /bin/a"},
	} {
		if got := strings.Join(guest.Candidates(tt.name, tt.path), " "); got != tt.want {
			t.Errorf("%s in %s: %s, want %s", tt.name, tt.path, got, tt.want)
		}
	}
}
