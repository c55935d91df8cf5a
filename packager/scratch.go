package packager

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// scratch is the folder in which one Store writes what is not complete yet. It is
// locked (flock(2)) as long as the store is open: the kernel releases the lock when
// the process dies, however it dies, and that tells leftovers from work in progress.
type scratch struct {
	dir   string
	lock  *os.File
	close func() error // removes the folder, once
}

// newScratch makes a folder in parent and removes those that nobody holds any more.
func newScratch(parent string, log *slog.Logger) (*scratch, error) {
	if err := removeAbandoned(parent, log); err != nil {
		return nil, err
	}
	for {
		dir, err := os.MkdirTemp(parent, "")
		if err != nil {
			return nil, err
		}
		lock, err := lockDir(dir)
		if err != nil {
			return nil, err
		}
		// Another store that opened between the two calls may have taken the
		// folder for abandoned, and removed it.
		if lock != nil {
			if _, err := os.Stat(dir); err == nil {
				return &scratch{dir: dir, lock: lock, close: sync.OnceValue(func() error {
					return errors.Join(os.RemoveAll(dir), lock.Close())
				})}, nil
			}
			_ = lock.Close()
		}
	}
}

// lockDir locks dir; nil when somebody holds it or it is gone.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, fmt.Errorf("lock %s: %w", dir, err)
}

func removeAbandoned(parent string, log *slog.Logger) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		dir := filepath.Join(parent, e.Name())
		lock, err := lockDir(dir)
		if err != nil {
			return err
		}
		if lock == nil {
			continue
		}
		err = os.RemoveAll(dir)
		_ = lock.Close()
		if err != nil {
			return err
		}
		log.Debug("removed what a killed process left", "dir", dir)
	}
	return nil
}

func (s *scratch) file() (*os.File, error) { return os.CreateTemp(s.dir, "file-") }

func (s *scratch) mkdir() (string, error) { return os.MkdirTemp(s.dir, "dir-") }
