package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-run/slipway"
)

// Runtime is the binary of an OCI runtime.
type Runtime struct {
	Name string // of the isolation "oci:<name>"
	Path string
}

// knownRuntimes are looked for in PATH. Any other must be configured: who deploys a
// function names the runtime, and must not be able to have another program executed as
// root by that.
func knownRuntimes() []string { return []string{"runc", "crun", "youki", "runsc"} }

// Runtimes are those that there are: the known ones, and those that were configured, by
// name and path.
func Runtimes(configured map[string]string) (found []Runtime) {
	for name, path := range configured {
		found = append(found, Runtime{name, path})
	}
	for _, name := range knownRuntimes() {
		if path, err := exec.LookPath(name); err == nil && configured[name] == "" {
			found = append(found, Runtime{name, path})
		}
	}
	slices.SortFunc(found, func(a, b Runtime) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// findRuntime finds the binary for an isolation.
func findRuntime(isolation string, configured map[string]string) (Runtime, error) {
	name, ok := strings.CutPrefix(isolation, "oci:")
	if !ok {
		return Runtime{}, fmt.Errorf("isolation %q is not that of an OCI runtime, as in oci:runc", isolation)
	}
	all := Runtimes(configured)
	if i := slices.IndexFunc(all, func(r Runtime) bool { return r.Name == name }); i >= 0 {
		return all[i], nil
	}
	there := make([]string, len(all))
	for i, r := range all {
		there[i] = "oci:" + r.Name
	}
	there = append(there, "native")
	const mend = "install it (apt-get install runc or crun; runsc is at gvisor.dev), or name its binary with --oci-runtime"
	return Runtime{}, fmt.Errorf("isolation %s: this machine has no such runtime; it has %s; %s", isolation, strings.Join(there, ", "), mend)
}

// isSentry says whether this is gVisor's runsc, whose kernel is a program: it cannot enter
// a user namespace, but makes one of the same ids. It is told to use the sockets of the
// network namespace, because no socket of the host leads into a network of its own, and
// to write to the root, whose size is bounded. Releases before 2023-06 can neither.
func (r Runtime) isSentry() bool { return strings.HasPrefix(filepath.Base(r.Path), "runsc") }

// command is a command line of the runtime. Each container has a folder of its own for
// the runtime's state, so that it is found and removed with the bundle.
func (r Runtime) command(b bundle, args ...string) []string {
	line := []string{r.Path, "--root", b.state(), "--log", b.log(), "--log-format", "json"}
	if r.isSentry() {
		line = append(line, "--network=host", "--overlay2=none")
	}
	return append(line, args...)
}

// run executes a command in this process's name.
func (r Runtime) run(ctx context.Context, b bundle, args ...string) error {
	b.forgetLog()
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	line := r.command(b, args...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	if err := cmd.Run(); err != nil {
		return r.explain(b, args[0], err.Error())
	}
	return nil
}

// delete removes what the runtime keeps of a container, which may be half made. Its
// processes have been killed; --force is for what the runtime does not see so, and not
// the first attempt because runc then waits for 100 ms whatever there is.
func (r Runtime) delete(ctx context.Context, b bundle) error {
	if entries, err := os.ReadDir(b.state()); err != nil || len(entries) == 0 {
		return nil // it keeps nothing
	}
	if r.run(ctx, b, "delete", b.id()) == nil {
		return nil
	}
	return r.run(ctx, b, "delete", "--force", b.id())
}

// explain says what the runtime said when a command failed; ended is how it did.
func (r Runtime) explain(b bundle, command, ended string) error {
	text, _ := os.ReadFile(b.log()) // a runtime that did not start has none
	said := errorsIn(text)
	if said == "" {
		said = ended
	}
	said = strings.TrimPrefix(said, fmt.Sprintf("%s %s failed: ", r.Name, command))
	return slipway.Errorf(slipway.ErrInternal, "oci:%s: %s: %s", r.Name, command, said)
}

// errorsIn finds what a runtime said was wrong in a log of JSON objects: the cause often
// comes first, and its consequences after it.
func errorsIn(log []byte) string {
	var said []string
	for objects := json.NewDecoder(bytes.NewReader(log)); ; {
		var entry struct{ Level, Msg string }
		if objects.Decode(&entry) != nil { // the end, or no log in this form
			return strings.Join(said, "; ")
		}
		if entry.Level == "error" || entry.Level == "fatal" {
			said = append(said, strings.TrimSpace(entry.Msg))
		}
	}
}
