package packager

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"
)

// layer is the folder of an unpacked layer, which is unpacked now if it was not
// before. It is never changed afterwards.
func (s *Store) layer(ctx context.Context, desc v1.Descriptor, diffID v1.Hash) (string, error) {
	dir := filepath.Join(s.layerDir(), diffID.Hex)
	if exists(dir) {
		return dir, nil
	}
	err := s.flights.do(ctx, "layer "+diffID.Hex, func(ctx context.Context) error {
		if exists(dir) { // by a run that ended while we came here
			return nil
		}
		if err := s.fetch(ctx, desc.Digest); err != nil {
			return err
		}
		return s.diskError("unpack layer "+desc.Digest.String(), s.unpack(ctx, desc, diffID, dir))
	})
	return dir, err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// unpack makes dir, complete or not at all: it works in the scratch folder and
// renames. On an error nothing is left.
func (s *Store) unpack(ctx context.Context, desc v1.Descriptor, diffID v1.Hash, dir string) (err error) {
	blob, _, err := s.openLocal(desc.Digest)
	if err != nil {
		return err
	}
	defer blob.Close()
	tmp, err := s.tempDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	root := filepath.Join(tmp, "root")
	if err := errors.Join(os.Mkdir(root, 0o755), os.Chmod(root, 0o755)); err != nil {
		return err
	}
	if err := s.unpackVerified(ctx, root, blob, desc.Digest, diffID); err != nil {
		return err
	}
	return s.commitLayer(root, dir, diffID)
}

// unpackVerified unpacks blob and checks that the diff id is its own: layers are
// shared by that name, so a wrong one would reach other images.
func (s *Store) unpackVerified(ctx context.Context, root string, blob io.Reader, digest, diffID v1.Hash) error {
	plain, err := decompress(contextReader{ctx, blob})
	if err != nil {
		return archiveError(err)
	}
	defer plain.Close()
	ahead := newReadAhead(plain)
	defer ahead.Close()
	var r io.Reader = &boundedReader{ahead, s.limits.stream(), s.limits.Bytes}
	sum := sha256.New()
	if digest != diffID { // an uncompressed blob was verified when it was stored
		r = io.TeeReader(r, sum)
	}
	if err := unpackLayer(root, r, s.owners, s.limits, s.log); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return archiveError(err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); digest != diffID && got != diffID.Hex {
		return slipway.Errorf(slipway.ErrInvalid, "its content has the diff id sha256:%s, the image says %s", got, diffID)
	}
	return nil
}

// commitLayer gives an unpacked layer its name. Its files are not written to the disk
// one by one, which would take longer than unpacking: a marker says so, until Close
// has written all of them. When the machine crashes in between, the next NewStore
// throws the layer away; the blob it came from is safe.
func (s *Store) commitLayer(root, dir string, diffID v1.Hash) error {
	boot, err := bootID()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.unsyncedDir(), diffID.Hex), boot, 0o600); err != nil {
		return err
	}
	s.mu.Lock()
	s.unsynced = append(s.unsynced, diffID.Hex)
	s.mu.Unlock()
	err = os.Rename(root, dir)
	if errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOTEMPTY) {
		return nil // another process that shares the folder was faster
	}
	return err
}

// syncLayers writes to the disk what this store unpacked, and removes the markers.
func (s *Store) syncLayers() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unsynced) == 0 {
		return nil
	}
	dir, err := os.Open(s.layerDir())
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return fmt.Errorf("sync layers: %w", err)
	}
	for _, id := range s.unsynced {
		if err := os.Remove(filepath.Join(s.unsyncedDir(), id)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	s.unsynced = nil
	return nil
}

// dropDamagedLayers removes the layers that were not known to be on the disk when
// the machine went down: those with a marker from another boot.
func (s *Store) dropDamagedLayers() error {
	lock, err := os.Open(s.unsyncedDir())
	if err != nil {
		return err
	}
	defer lock.Close()
	// One at a time: a store that opens beside this one must not unpack anew what we
	// are about to remove.
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", s.unsyncedDir(), err)
	}
	boot, err := bootID()
	if err != nil {
		return err
	}
	markers, err := lock.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, m := range markers {
		marker := filepath.Join(s.unsyncedDir(), m.Name())
		if was, err := os.ReadFile(marker); err != nil || string(was) == string(boot) {
			continue
		}
		s.log.Info("unpacked layer dropped, the machine was not shut down cleanly", "layer", m.Name())
		if err := os.RemoveAll(filepath.Join(s.layerDir(), m.Name())); err != nil {
			return err
		}
		if err := os.Remove(marker); err != nil {
			return err
		}
	}
	return nil
}

// bootID changes each time the machine starts (random(4)).
func bootID() ([]byte, error) { return os.ReadFile("/proc/sys/kernel/random/boot_id") }
