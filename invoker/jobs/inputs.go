package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

// inputs is the archives that attempts get, unpacked once however many mount them. What
// nobody has any more is kept for the next, as far as a bound allows.
type inputs struct {
	dir      string
	archives Archives
	keep     int64 // bytes that nobody uses
	log      *slog.Logger

	mu      sync.Mutex // guards what follows
	folders map[string]*folder
	idle    int64 // bytes of folders that nobody uses
}

// part is an archive and where its files go, below a folder. Without a digest it is an
// empty folder.
type part struct{ path, digest string }

// folder is some archives unpacked, or being unpacked.
type folder struct {
	key   string
	dir   string
	ready chan struct{} // closed when err and bytes are set
	err   error
	bytes int64
	users int
	left  time.Time // by the last user
}

func newInputs(cfg Config, archives Archives, log *slog.Logger) *inputs {
	return &inputs{dir: filepath.Join(cfg.Dir, "inputs"), archives: archives, keep: cfg.InputMB << 20, log: log, folders: map[string]*folder{}}
}

// open begins with nothing: what a runner that was killed left is removed.
func (i *inputs) open() error {
	if err := os.RemoveAll(i.dir); err != nil {
		return fmt.Errorf("remove the inputs of jobs that are gone: %w", err)
	}
	if err := os.MkdirAll(i.dir, 0o711); err != nil {
		return fmt.Errorf("make the folder of jobs' inputs: %w", err)
	}
	return nil
}

func (i *inputs) close() {
	if err := os.RemoveAll(i.dir); err != nil {
		i.log.Warn("the inputs of jobs could not be removed", "err", err)
	}
}

// get gives a folder with these parts, and how to give it back.
func (i *inputs) get(ctx context.Context, parts []part) (dir string, release func(), err error) {
	f, first := i.join(parts)
	if first {
		// It goes on for the others when the first one gives up.
		go i.fill(context.WithoutCancel(ctx), f, parts)
	}
	release = sync.OnceFunc(func() { i.leave(f) })
	select {
	case <-f.ready:
		err = f.err
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		release()
		return "", nil, err
	}
	return f.dir, release, nil
}

// join is the folder of the parts, with one more user.
func (i *inputs) join(parts []part) (f *folder, first bool) {
	sum := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(sum, "%d:%s=%s\n", len(p.path), p.path, p.digest)
	}
	key := hex.EncodeToString(sum.Sum(nil))
	i.mu.Lock()
	defer i.mu.Unlock()
	if f = i.folders[key]; f == nil {
		f, first = &folder{key: key, dir: filepath.Join(i.dir, slipway.NewID()), ready: make(chan struct{})}, true
		i.folders[key] = f
		f.users++ // fill's own
	} else if f.users == 0 {
		i.idle -= f.bytes
	}
	f.users++
	return f, first
}

// fill unpacks the parts.
func (i *inputs) fill(ctx context.Context, f *folder, parts []part) {
	f.err = i.unpack(ctx, f.dir, parts)
	if f.err == nil {
		f.bytes, f.err = sizeOf(f.dir)
	}
	if f.err != nil {
		i.mu.Lock()
		delete(i.folders, f.key) // the next one tries again
		i.mu.Unlock()
	}
	close(f.ready)
	i.leave(f)
}

func (i *inputs) unpack(ctx context.Context, dir string, parts []part) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, p := range parts {
		if !filepath.IsLocal(p.path) {
			return slipway.Errorf(slipway.ErrInvalid, "%q is no path below it", p.path)
		}
		dst := filepath.Join(dir, p.path)
		if err := os.MkdirAll(dst, 0o755); err != nil {
			return err
		}
		if p.digest == "" {
			continue
		}
		if err := i.archives.Unpack(ctx, p.digest, dst); err != nil {
			return fmt.Errorf("unpack %s: %w", p.digest, err)
		}
	}
	return nil
}

// leave takes a user from a folder, and removes what is too much then.
func (i *inputs) leave(f *folder) {
	i.mu.Lock()
	gone := i.without(f)
	i.mu.Unlock()
	for _, f := range gone { // nobody can find them any more
		i.remove(f)
	}
}

// without takes a user from a folder, and gives those that are to be removed: folders that
// nobody has go when they are too many bytes, those first that have been without a user for
// longest. mu is held.
func (i *inputs) without(f *folder) (gone []*folder) {
	if f.users--; f.users > 0 {
		return nil
	}
	if i.folders[f.key] != f { // it could not be filled
		return []*folder{f}
	}
	f.left = time.Now()
	i.idle += f.bytes
	for i.idle > i.keep {
		oldest := i.oldest()
		i.idle -= oldest.bytes
		delete(i.folders, oldest.key)
		gone = append(gone, oldest)
	}
	return gone
}

// oldest is the folder that was left first. mu is held.
func (i *inputs) oldest() (oldest *folder) {
	for _, f := range i.folders {
		if f.users == 0 && (oldest == nil || f.left.Before(oldest.left)) {
			oldest = f
		}
	}
	return oldest
}

func (i *inputs) remove(f *folder) {
	if err := os.RemoveAll(f.dir); err != nil {
		i.log.Warn("the input of a job could not be removed", "err", err)
	}
}

// sizeOf is how many bytes of the disk the files below a folder have.
func sizeOf(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		bytes += max(info.Size(), 4096)
		return nil
	})
	return bytes, err
}

// mounts is what the attempt was given, as folders of its sandbox that it can read only.
func (a *attempt) mounts(ctx context.Context) ([]slipway.Mount, error) {
	var mounts []slipway.Mount
	for target, parts := range map[string][]part{inputFolder: a.input(), depsFolder: a.deps()} {
		if len(parts) == 0 {
			continue
		}
		dir, release, err := a.runner.inputs.get(ctx, parts)
		if err != nil {
			return nil, fmt.Errorf("make %s: %w", target, err)
		}
		a.inputs = append(a.inputs, release)
		mounts = append(mounts, slipway.Mount{Source: dir, Target: target, ReadOnly: true})
	}
	return mounts, nil
}

func (a *attempt) input() []part {
	if a.work.Input == "" {
		return nil
	}
	return []part{{".", a.work.Input}}
}

// deps are the outputs of other jobs that this child gets.
func (a *attempt) deps() []part {
	var parts []part
	for _, d := range a.work.Deps {
		if d.Child == nil || *d.Child == a.index {
			parts = append(parts, part{d.Path, d.Digest})
		}
	}
	return parts
}
