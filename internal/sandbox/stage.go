package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
)

// stage assembles roots on a thread in a mount namespace of its own, where the parts
// are attached for as long as it takes. In that namespace there is an empty folder in
// memory and nothing else: it keeps no disk of the host busy, nobody can look into it,
// and it ends with the thread, however that ends.
type stage struct {
	features [][2]string // of overlays
	requests chan func()
	thread   sync.WaitGroup
}

// newStage starts the thread.
func newStage(features [][2]string) (*stage, error) {
	s := &stage{features: features, requests: make(chan func())}
	ready := make(chan error, 1)
	s.thread.Go(func() { s.serve(ready) })
	if err := <-ready; err != nil {
		return nil, err
	}
	return s, nil
}

func (*stage) String() string { return "in a mount namespace of their own" }

// close ends the thread, and with it the namespace.
func (s *stage) close() {
	close(s.requests)
	s.thread.Wait()
}

// serve has a thread that ends with it.
func (s *stage) serve(ready chan<- error) {
	onThread(func() (back bool) {
		err := enterEmptyNamespace()
		ready <- err
		if err != nil {
			return false
		}
		for request := range s.requests {
			request()
		}
		return false
	})
}

// enterEmptyNamespace leaves the thread in an empty folder that is its root. What is
// mounted on the host is let go: a namespace that kept it would keep it busy.
func enterEmptyNamespace() error {
	const place = "/proc" // on every host; only this thread sees it covered
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"unshare", func() error { return unix.Unshare(unix.CLONE_NEWNS) }},
		{"make mounts private", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"mount tmpfs", func() error {
			return unix.Mount("stage", place, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700")
		}},
		{"enter", func() error { return unix.Chdir(place) }},
		{"pivot_root", func() error { return unix.PivotRoot(".", ".") }},
		{"let the host's mounts go", func() error { return unix.Unmount(".", unix.MNT_DETACH) }},
		{"enter root", func() error { return unix.Chdir("/") }},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("make a mount namespace for overlays: %s: %w", step.name, err)
		}
	}
	return nil
}

// assemble has the thread build the root.
func (s *stage) assemble(lower []*os.File, sc *scratch) (r *rootfs, err error) {
	done := make(chan struct{})
	s.requests <- func() {
		r, err = build(lower, sc, s.features)
		close(done)
	}
	<-done
	return r, err
}

// build attaches the parts, lays the overlay, takes what is wanted as detached mounts
// and detaches everything. All names are relative, and short: the options of mount(2)
// may take up one page together.
func build(lower []*os.File, s *scratch, features [][2]string) (_ *rootfs, err error) {
	r := &rootfs{}
	var attached []string
	defer func() {
		for _, name := range attached {
			err = errors.Join(err, unix.Unmount(name, unix.MNT_DETACH))
		}
		if err != nil {
			err = errors.Join(fmt.Errorf("make overlay: %w", err), r.close())
		}
	}()
	names := make([]string, len(lower))
	for i, l := range lower {
		names[i] = strconv.Itoa(i)
		if err := attach(l, names[i]); err != nil {
			return nil, fmt.Errorf("attach layer: %w", err)
		}
		attached = append(attached, names[i])
	}
	places := map[*os.File]string{s.memory: "memory", s.upper: "upper"} // or one, of the second name
	for place, name := range places {
		if err := attach(place, name); err != nil {
			return nil, fmt.Errorf("attach scratch: %w", err)
		}
		attached = append(attached, name)
	}
	if err := r.cloneFolders(nil, places[s.memory]); err != nil {
		return nil, err
	}
	if err := mountOverlay(names, places[s.upper], "root", features); err != nil {
		return nil, err
	}
	attached = append(attached, "root")
	r.root, err = cloneTree(nil, "root", unix.MOUNT_ATTR_NODEV, nil)
	return r, err
}

// attach mounts a detached mount on a folder, which is made when it is missing.
func attach(tree *os.File, name string) error {
	if err := unix.Mkdir(name, 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return unix.MoveMount(int(tree.Fd()), "", unix.AT_FDCWD, name, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// mountOverlay mounts an overlay of the folders, from the top down, on another.
func mountOverlay(lower []string, scratch, on string, features [][2]string) error {
	options := []string{"lowerdir=" + strings.Join(lower, ":"), "upperdir=" + scratch + "/upper", "workdir=" + scratch + "/work"}
	for _, o := range features {
		options = append(options, strings.TrimSuffix(o[0]+"="+o[1], "="))
	}
	if err := unix.Mkdir(on, 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	err := unix.Mount("overlay", on, "overlay", unix.MS_NODEV, strings.Join(options, ","))
	if errors.Is(err, unix.EINVAL) {
		return slipway.Errorf(slipway.ErrUnavailable, "%w: this kernel cannot lay an overlay over idmapped mounts: Linux 5.19 or newer is needed", err)
	}
	return err
}
