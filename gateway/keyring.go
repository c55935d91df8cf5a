package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

const (
	keyTTL     = 5 * time.Second // a key that another gateway deleted works this long at most
	noKeyTTL   = time.Second     // a key that another gateway made is refused this long at most
	maxKeysHit = 10_000          // entries; wrong keys must not fill the memory
)

// keyring finds keys by the hash of their secret, with a short memory over the store.
type keyring struct {
	store Keys

	mu   sync.RWMutex
	seen map[[32]byte]seenKey
}

type seenKey struct {
	key   slipway.Key
	err   error
	until time.Time
}

func newKeyring(store Keys) *keyring {
	return &keyring{store: store, seen: map[[32]byte]seenKey{}}
}

// admit finds the key of a request and checks that it has scope.
func (k *keyring) admit(r *http.Request, scope string) (slipway.Key, error) {
	secret, ok := bearer(r)
	if !ok {
		return slipway.Key{}, slipway.Errorf(slipway.ErrUnauthorized, "a key is needed: send 'Authorization: Bearer <key>', or set SLIPWAY_KEY for the command line")
	}
	key, err := k.find(r.Context(), sha256.Sum256([]byte(secret)))
	if err != nil {
		return slipway.Key{}, err
	}
	if key.ExpiresAt != nil && time.Now().After(*key.ExpiresAt) {
		return slipway.Key{}, slipway.Errorf(slipway.ErrUnauthorized, "the key expired at %s; make another", key.ExpiresAt.Format(time.RFC3339))
	}
	if !slices.Contains(key.Scopes, scope) && !slices.Contains(key.Scopes, slipway.ScopeAdmin) {
		return slipway.Key{}, slipway.Errorf(slipway.ErrForbidden, "the key has not the scope %s that this call needs", scope)
	}
	return key, nil
}

// find looks in the memory first. An error of the store itself is not remembered.
func (k *keyring) find(ctx context.Context, hash [32]byte) (slipway.Key, error) {
	now := time.Now()
	k.mu.RLock()
	hit, ok := k.seen[hash]
	k.mu.RUnlock()
	if ok && now.Before(hit.until) {
		return hit.key, hit.err
	}
	key, err := k.store.KeyByHash(ctx, hash)
	switch {
	case err == nil:
		k.remember(hash, seenKey{key: key, until: now.Add(keyTTL)})
	case errors.Is(err, slipway.ErrUnauthorized):
		k.remember(hash, seenKey{err: err, until: now.Add(noKeyTTL)})
	}
	return key, err
}

func (k *keyring) remember(hash [32]byte, s seenKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.seen) >= maxKeysHit {
		clear(k.seen)
	}
	k.seen[hash] = s
}

// forget makes a change of keys known here at once.
func (k *keyring) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.seen)
}

// bearer is the secret in the Authorization header (RFC 6750, section 2.1).
func bearer(r *http.Request) (string, bool) {
	scheme, secret, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	secret = strings.TrimSpace(secret)
	return secret, ok && strings.EqualFold(scheme, "Bearer") && secret != ""
}
