package packager

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	slipway "github.com/slipway-run/slipway"

	"golang.org/x/sys/unix"
)

// Owners are the ids under which a server that is root of a user namespace only keeps
// what is in images. There the kernel maps no owners between a folder and a sandbox, so
// the files of a layer belong to the ids that sandboxes have; and what tells overlayfs
// that a folder is opaque must be an attribute that such a server may set.
type Owners struct {
	First int // id of a sandbox's root
	Count int // how many ids a sandbox has, from that on; at least one
}

// of is the id for one of an image. An id that sandboxes do not have becomes the last of
// theirs, which is nobody's in most images.
func (o *Owners) of(id int) int {
	if o == nil {
		return id
	}
	return o.First + min(id, o.Count-1)
}

// opaque is the attribute of folders that hide what is below them
// (Documentation/filesystems/overlayfs.rst, "userxattr").
func (o *Owners) opaque() string {
	if o == nil {
		return "trusted.overlay.opaque"
	}
	return "user.overlay.opaque"
}

// folder is the name of the folder of layers that have these owners.
func (o *Owners) folder() string {
	if o == nil {
		return "layers"
	}
	return fmt.Sprintf("layers-%d-%d", o.First, o.Count)
}

// lend makes folders of the store and of the cache those of a sandbox's root, which could
// not use them otherwise. What belongs to the machine stays as it is.
func (p *Packager) lend(mounts []slipway.Mount) error {
	if p.store.owners == nil {
		return nil
	}
	for _, m := range mounts {
		if !below(m.Source, p.store.dir) && !below(m.Source, p.cfg.CacheDir) {
			continue
		}
		if err := p.store.owners.take(m.Source); err != nil {
			return p.store.diskError("give "+m.Source+" to the sandbox", err)
		}
	}
	return nil
}

func below(path, dir string) bool { return strings.HasPrefix(path, dir+string(filepath.Separator)) }

// take makes root of sandboxes the owner of a tree. One whose top is root's already was
// taken before, and what tools have made in it since is root's, too.
func (o *Owners) take(tree string) error {
	var st unix.Stat_t
	if err := unix.Lstat(tree, &st); err != nil || int(st.Uid) == o.First {
		return err
	}
	err := filepath.WalkDir(tree, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == tree {
			return err
		}
		return os.Lchown(path, o.First, o.First)
	})
	if err != nil {
		return err
	}
	return os.Lchown(tree, o.First, o.First) // the last: a tree of which a part was taken is taken again
}
