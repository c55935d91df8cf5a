package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// bundle is a folder with what an OCI runtime needs for one container: the specification
// and places for mounts, which are attached in the namespace of a monitor only.
//
//	config.json   the specification
//	runtime       name and path of the runtime, for the one who finds the bundle
//	user, net     links to the namespaces, which this process holds open
//	rootfs, dev, shm, mounts/0 …   places
//	state/        what the runtime keeps
//	log, pid      what it writes
type bundle struct{ dir string }

func openBundle(dir string) bundle { return bundle{dir} }

// newBundle makes the folder. There is a place for each of mounts, for a file or a folder
// as it is.
func newBundle(dir string, rt Runtime, mounts []*os.File) (_ bundle, err error) {
	b := bundle{dir}
	if err := makePassage(filepath.Dir(dir)); err != nil && !os.IsExist(err) {
		return b, fmt.Errorf("make a bundle: %w", err)
	}
	if err := makePassage(dir); err != nil {
		return b, fmt.Errorf("make a bundle: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("make a bundle: %w", err), b.remove())
		}
	}()
	for _, place := range []string{b.root(), b.dev(), b.shm(), b.mounts()} {
		if err := makePassage(place); err != nil {
			return b, err
		}
	}
	for i, m := range mounts {
		if err := b.makePlace(i, m); err != nil {
			return b, err
		}
	}
	return b, writeJSON(filepath.Join(dir, "runtime"), rt)
}

func (b bundle) makePlace(i int, mount *os.File) error {
	st, err := mount.Stat()
	if err != nil {
		return err
	}
	if st.IsDir() {
		return makePassage(b.mount(i))
	}
	return os.WriteFile(b.mount(i), nil, 0o600)
}

// makePassage makes a folder that everyone may pass through, whatever the server's umask
// is.
func makePassage(dir string) error {
	const mode = 0o711
	if err := os.Mkdir(dir, mode); err != nil {
		return err
	}
	return os.Chmod(dir, mode)
}

func (b bundle) id() string         { return filepath.Base(b.dir) }
func (b bundle) root() string       { return filepath.Join(b.dir, "rootfs") }
func (b bundle) dev() string        { return filepath.Join(b.dir, "dev") }
func (b bundle) shm() string        { return filepath.Join(b.dir, "shm") }
func (b bundle) mounts() string     { return filepath.Join(b.dir, "mounts") }
func (b bundle) mount(i int) string { return filepath.Join(b.mounts(), strconv.Itoa(i)) }
func (b bundle) state() string      { return filepath.Join(b.dir, "state") }
func (b bundle) userns() string     { return filepath.Join(b.dir, "user") }
func (b bundle) netns() string      { return filepath.Join(b.dir, "net") }
func (b bundle) log() string        { return filepath.Join(b.dir, "log") }
func (b bundle) pidFile() string    { return filepath.Join(b.dir, "pid") }

// places are where the mounts go, in the order root, dev, shm, mounts.
func (b bundle) places(mounts int) []string {
	places := []string{b.root(), b.dev(), b.shm()}
	for i := range mounts {
		places = append(places, b.mount(i))
	}
	return places
}

// link makes the links to namespaces. They are no paths below /proc themselves, because
// runc 1.2 takes whatever begins with /proc/<pid> for a namespace of that process.
func (b bundle) link(userns, netns *os.File) error {
	return errors.Join(os.Symlink(descriptorOf(userns), b.userns()), os.Symlink(descriptorOf(netns), b.netns()))
}

// descriptorOf names an open file of this process for another one.
func descriptorOf(f *os.File) string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd()) }

// write writes the specification down. It holds the environment, which may be secret.
func (b bundle) write(spec *specs.Spec) error {
	return writeJSON(filepath.Join(b.dir, "config.json"), spec)
}

// forgetLog makes room for what the next command says.
func (b bundle) forgetLog() { _ = os.Remove(b.log()) }

// runtime is what was written down when the bundle was made.
func (b bundle) runtime() (rt Runtime, err error) {
	text, err := os.ReadFile(filepath.Join(b.dir, "runtime"))
	if err != nil {
		return rt, err
	}
	return rt, json.Unmarshal(text, &rt)
}

func writeJSON(file string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// remove removes the bundle. Places are removed only when they are empty, as they are
// wherever nothing is attached to them: no mistake can make this remove what is mounted.
func (b bundle) remove() error {
	mounts, err := os.ReadDir(b.mounts())
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	names := append(b.places(len(mounts)), b.mounts())
	for _, file := range []string{"config.json", "runtime", "user", "net", "log", "pid"} {
		names = append(names, filepath.Join(b.dir, file))
	}
	errs := []error{os.RemoveAll(b.state())}
	for _, name := range append(names, b.dir) {
		if err := os.Remove(name); !os.IsNotExist(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
