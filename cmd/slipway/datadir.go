package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-run/slipway"
)

// dataDir is a data folder that this process alone uses.
type dataDir struct {
	path string
	node string // 16 hex digits, made on the first start, kept
	lock *os.File
}

// openDataDir makes the folder when it is missing, takes its lock and reads its
// identity. The kernel drops the lock with the process, however it ends.
func openDataDir(path string) (*dataDir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o711); err != nil {
		return nil, fmt.Errorf("make the data folder: %w; name another with --data", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the data folder: %w; name another with --data", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, slipway.Errorf(slipway.ErrConflict, "another server uses %s; stop it, or name another folder with --data", path)
	}
	node, err := identity(filepath.Join(path, nodeFile))
	if err != nil {
		lock.Close()
		return nil, err
	}
	return &dataDir{path: path, node: node, lock: lock}, nil
}

func (d *dataDir) join(elem ...string) string {
	return filepath.Join(append([]string{d.path}, elem...)...)
}

// owned is the prefix of everything on the machine that belongs to this folder's
// server: cgroups, links, tables. A server that starts again finds by it what the one
// before left.
func (d *dataDir) owned() string { return "slipway-" + d.node[:8] }

func (d *dataDir) Close() error { return d.lock.Close() }

func identity(path string) (string, error) {
	if b, err := os.ReadFile(path); err == nil && len(strings.TrimSpace(string(b))) == 16 {
		return strings.TrimSpace(string(b)), nil
	}
	var id [8]byte
	rand.Read(id[:])
	node := hex.EncodeToString(id[:])
	if err := os.WriteFile(path, []byte(node+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep this server's identity: %w", err)
	}
	return node, nil
}

// keys is what making the admin key needs of the store.
type keys interface {
	AddKey(ctx context.Context, key slipway.Key) error
	KeyByHash(ctx context.Context, hash [32]byte) (slipway.Key, error)
	Keys(ctx context.Context, tenant string) ([]slipway.Key, error)
}

// ensureAdminKey makes the admin key on the first start and keeps it in the data
// folder. A key of the folder that the store does not know (a new database) is added;
// a store that has an admin key already (another gateway made it) gets no second one.
// It says where the key is, or "" when another machine holds it.
func ensureAdminKey(ctx context.Context, store keys, dir *dataDir) (string, error) {
	path := dir.join(adminKeyFile)
	secret, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		existing, err := store.Keys(ctx, slipway.DefaultTenant)
		if err != nil || len(existing) > 0 {
			return "", err
		}
		secret = []byte(newSecret())
		if err := os.WriteFile(path, append(secret, '\n'), 0o600); err != nil {
			return "", fmt.Errorf("keep the admin key: %w", err)
		}
	} else if err != nil {
		return "", fmt.Errorf("read the admin key: %w", err)
	}
	hash := sha256.Sum256([]byte(strings.TrimSpace(string(secret))))
	if _, err := store.KeyByHash(ctx, hash); !errors.Is(err, slipway.ErrNotFound) {
		return path, err
	}
	return path, store.AddKey(ctx, slipway.Key{
		ID: slipway.NewID(), Tenant: slipway.DefaultTenant, Scopes: []string{slipway.ScopeAdmin},
		CreatedAt: time.Now().UTC(), Hash: hash,
	})
}

// newSecret is 256 random bits with a prefix by which scanners of leaked secrets know it.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return "slipway_" + base64.RawURLEncoding.EncodeToString(b[:])
}
