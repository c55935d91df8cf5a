package store_test

import (
	"bytes"
	"crypto/sha256"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/store"
)

func key(id, secret string) slipway.Key {
	return slipway.Key{
		ID: id, Tenant: slipway.DefaultTenant, Scopes: []string{slipway.ScopeAdmin},
		CreatedAt: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Secret: secret, Hash: sha256.Sum256([]byte(secret)),
	}
}

func TestKeys(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		later := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
		a, b := key("a", "secret a"), key("b", "secret b")
		b.ExpiresAt = &later
		must(t, s.AddKey(t.Context(), b))
		must(t, s.AddKey(t.Context(), a))
		a.Secret, b.Secret = "", ""
		got, err := s.KeyByHash(t.Context(), b.Hash)
		must(t, err)
		if !reflect.DeepEqual(got, b) {
			t.Errorf("got %+v, want %+v", got, b)
		}
		all, err := s.Keys(t.Context(), slipway.DefaultTenant)
		must(t, err)
		if !reflect.DeepEqual(all, []slipway.Key{a, b}) {
			t.Errorf("keys are %+v", all)
		}
		must(t, s.DeleteKey(t.Context(), slipway.DefaultTenant, "a"))
		_, err = s.KeyByHash(t.Context(), a.Hash)
		wantKind(t, err, slipway.ErrUnauthorized)
		wantKind(t, err, slipway.ErrNotFound)
	})
}

func TestKeysRefuse(t *testing.T) {
	onEach(t, func(t *testing.T, s *store.Store) {
		past := time.Now().Add(-time.Second)
		expired := key("expired", "old")
		expired.ExpiresAt = &past
		must(t, s.AddKey(t.Context(), expired))
		_, err := s.KeyByHash(t.Context(), expired.Hash)
		wantKind(t, err, slipway.ErrUnauthorized)

		wantKind(t, s.AddKey(t.Context(), key("expired", "new")), slipway.ErrConflict)
		wantKind(t, s.AddKey(t.Context(), key("new", "old")), slipway.ErrConflict)
		wantKind(t, s.AddKey(t.Context(), slipway.Key{ID: "no-hash", Tenant: slipway.DefaultTenant}), slipway.ErrInvalid)
		orphan := key("orphan", "x")
		orphan.Tenant = "nobody"
		wantKind(t, s.AddKey(t.Context(), orphan), slipway.ErrNotFound)
		wantKind(t, s.DeleteKey(t.Context(), "other", "expired"), slipway.ErrNotFound)
	})
}

// Only the hash of a key is in the files, which belong to one user.
func TestNoSecretIsInTheFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new folder", "slip?way#.db")
	s, err := store.Open(t.Context(), "sqlite://"+filepath.Dir(path)+"/slip%3Fway%23.db", slog.New(slog.DiscardHandler))
	must(t, err)
	defer s.Close()
	k := key("a", "correct horse battery staple")
	must(t, s.AddKey(t.Context(), k))
	files, err := filepath.Glob(filepath.Dir(path) + "/*")
	must(t, err)
	var all []byte
	for _, file := range files {
		info, err := os.Stat(file)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", file, info.Mode())
		}
		b, err := os.ReadFile(file)
		must(t, err)
		all = append(all, b...)
	}
	if bytes.Contains(all, []byte(k.Secret)) || !bytes.Contains(all, k.Hash[:]) {
		t.Errorf("the secret is in the files, or the hash is not")
	}
}
