package sandbox

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// rootfs is the root filesystem of one sandbox: mounts that are attached nowhere, so
// that no path of the host leads to them and they end with their last user.
type rootfs struct {
	root, dev, shm *os.File

	parts []*os.File // what the root was made of, and does not need any more
}

func (r *rootfs) close() error {
	var errs []error
	for _, f := range []*os.File{r.root, r.dev, r.shm} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	closeAll(r.parts)
	return errors.Join(errs...)
}

// newRootfs lays an overlay of the layers, lowest first, below what scratch holds. userns maps the owners of the layers' files into the sandbox's ids.
func newRootfs(a assembler, layers []string, s *scratch, userns *os.File) (*rootfs, error) {
	var lower []*os.File
	for _, layer := range topmost(layers) {
		tree, err := cloneTree(nil, layer, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NODEV, userns)
		if err != nil {
			closeAll(lower)
			return nil, fmt.Errorf("open layer %s: %w", layer, err)
		}
		lower = append(lower, tree)
	}
	r, err := a.assemble(lower, s)
	if err != nil {
		closeAll(lower)
		return nil, err
	}
	r.parts = lower
	return r, nil
}

// topmost gives the layers from the top down, each once: a layer that comes again
// higher up hides itself below, and the kernel refuses a folder that is named twice.
func topmost(layers []string) []string {
	var out []string
	for _, l := range slices.Backward(layers) {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}
