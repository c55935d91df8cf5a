package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-run/slipway"
)

const selectKey = `SELECT id, tenant, hash, scopes, created_at, expires_at FROM api_keys `

func scanKey(r row) (slipway.Key, error) {
	var k slipway.Key
	var hash []byte
	err := r.Scan(&k.ID, &k.Tenant, &hash, document{&k.Scopes}, moment{&k.CreatedAt}, maybeMoment{&k.ExpiresAt})
	if err == nil && copy(k.Hash[:], hash) != len(k.Hash) {
		err = fmt.Errorf("key %s has a hash of %d bytes", k.ID, len(hash))
	}
	return k, err
}

// AddKey adds a key by its hash; its Secret is not kept.
func (s *Store) AddKey(ctx context.Context, k slipway.Key) error {
	if k.Hash == [32]byte{} {
		return slipway.Errorf(slipway.ErrInvalid, "store: a key needs the hash of its secret")
	}
	scopes := k.Scopes
	if scopes == nil {
		scopes = []string{}
	}
	_, err := s.write.ExecContext(ctx, `
		INSERT INTO api_keys (id, tenant, hash, scopes, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		k.ID, k.Tenant, k.Hash[:], document{scopes}, stampOrNow(k.CreatedAt), maybeStamp(k.ExpiresAt))
	switch {
	case isDuplicate(err):
		return slipway.Errorf(slipway.ErrConflict, "key %q exists already", k.ID)
	case isOrphan(err):
		return noTenant(k.Tenant)
	}
	return wrap(err, "add key %s", k.ID)
}

// KeyByHash reads the key whose secret has this SHA-256. One that is not known or has
// expired is ErrUnauthorized; the former is ErrNotFound as well.
func (s *Store) KeyByHash(ctx context.Context, hash [32]byte) (slipway.Key, error) {
	k, err := scanKey(s.read.QueryRowContext(ctx, selectKey+`WHERE hash = $1`, hash[:]))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return slipway.Key{}, &slipway.Error{Kind: slipway.ErrUnauthorized, Message: "this key is not known", Cause: slipway.ErrNotFound}
	case err != nil:
		return slipway.Key{}, wrap(err, "look up a key")
	case k.ExpiresAt != nil && !time.Now().Before(*k.ExpiresAt):
		return slipway.Key{}, slipway.Errorf(slipway.ErrUnauthorized, "this key expired at %s", k.ExpiresAt.Format(time.RFC3339))
	}
	return k, nil
}

// Keys lists the keys of a tenant, oldest first, expired ones too.
func (s *Store) Keys(ctx context.Context, tenant string) ([]slipway.Key, error) {
	all, err := collect(ctx, s.read, scanKey, selectKey+`WHERE tenant = $1 ORDER BY created_at, id`, tenant)
	return all, wrap(err, "list keys")
}

// DeleteKey removes a key of a tenant.
func (s *Store) DeleteKey(ctx context.Context, tenant, id string) error {
	n, err := affected(ctx, s.write, `DELETE FROM api_keys WHERE tenant = $1 AND id = $2`, tenant, id)
	if err == nil && n == 0 {
		return slipway.Errorf(slipway.ErrNotFound, "key %q does not exist", id)
	}
	return wrap(err, "delete key %s", id)
}
