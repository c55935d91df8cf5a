package packager

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	slipway "github.com/slipway-run/slipway"
)

// StoreConfig says where a store keeps what it has.
type StoreConfig struct {
	// Dir is the absolute folder of the store; made when it is missing, with mode 0700.
	Dir string
	// Upstream is what all machines of a cluster share; nil when this machine is alone.
	Upstream Blobs
	// MaxUnpacked is how many bytes one layer may unpack to; 0 is 16 GiB.
	MaxUnpacked int64
	// MaxFiles is how many entries one layer may have; 0 is 1,000,000.
	MaxFiles int
	// Owners are those of unpacked layers; nil keeps the image's own, as root can.
	Owners *Owners
}

// The limits of a layer about which nothing was said.
const (
	defaultLayerBytes = 16 << 30
	defaultLayerFiles = 1_000_000
)

// Store is the images of one machine, on its disk: blobs by their digest, and layers
// unpacked by their diff id. Its methods may be called from several goroutines, and
// several processes may share its folder.
type Store struct {
	dir      string
	upstream Blobs
	limits   extractLimits
	owners   *Owners
	log      *slog.Logger
	scratch  *scratch
	flights  *flights

	mu       sync.Mutex
	prepared map[string]slipway.Image // by manifest digest; what Prepare has answered
	unsynced []string                 // diff ids (hex) unpacked by this store whose files may be in memory only
}

// NewStore opens the store in cfg.Dir. What a killed process left half-written is
// removed, and so are unpacked layers that a crash of the machine may have damaged:
// they are unpacked again when they are asked for.
func NewStore(cfg StoreConfig, log *slog.Logger) (*Store, error) {
	if !filepath.IsAbs(cfg.Dir) {
		return nil, slipway.Errorf(slipway.ErrInvalid, "image store: %q is not an absolute path", cfg.Dir)
	}
	s := &Store{
		dir: cfg.Dir, upstream: cfg.Upstream, owners: cfg.Owners, log: log, flights: newFlights(),
		limits:   extractLimits{Bytes: cfg.MaxUnpacked, Files: cfg.MaxFiles}.or(defaultLayerBytes, defaultLayerFiles),
		prepared: map[string]slipway.Image{},
	}
	for _, dir := range []string{s.dir, s.blobDir(), s.layersDir(), s.layerDir(), s.unsyncedDir(), s.scratchDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, s.diskError("open image store", err)
		}
	}
	// Layers hold setuid files that belong to the host's root: nobody else may reach them.
	if err := os.Chmod(s.layersDir(), 0o700); err != nil {
		return nil, s.diskError("open image store", err)
	}
	if err := s.dropDamagedLayers(); err != nil {
		return nil, s.diskError("open image store", err)
	}
	var err error
	if s.scratch, err = newScratch(s.scratchDir(), log); err != nil {
		return nil, s.diskError("open image store", err)
	}
	return s, nil
}

// Close waits for what is being fetched or unpacked, writes unpacked layers to the
// disk, and gives the scratch folder back. The store must not be used after it.
func (s *Store) Close() error {
	s.flights.close()
	return errors.Join(s.syncLayers(), s.scratch.close())
}

func (s *Store) blobDir() string     { return filepath.Join(s.dir, "blobs", "sha256") }
func (s *Store) layersDir() string   { return filepath.Join(s.dir, s.owners.folder()) }
func (s *Store) layerDir() string    { return filepath.Join(s.layersDir(), "sha256") }
func (s *Store) unsyncedDir() string { return filepath.Join(s.layersDir(), "unsynced") }
func (s *Store) scratchDir() string  { return filepath.Join(s.dir, "tmp") }

// tempDir makes a folder on the store's disk for a build to work in. The caller
// removes it; what a killed process leaves is removed by the next NewStore.
func (s *Store) tempDir() (string, error) {
	dir, err := s.scratch.mkdir()
	if err != nil {
		return "", s.diskError("make a folder to work in", err)
	}
	return dir, nil
}

// diskError translates an error of the filesystem where it enters: a full disk is
// told apart, because it is the operator who can mend it.
func (s *Store) diskError(act string, err error) error { return diskError(act, s.dir, err) }
