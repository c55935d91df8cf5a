package gateway

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"

	"github.com/slipway-run/slipway"
)

// keyBody is what a client says about a key it wants.
type keyBody struct {
	Scopes    []string   `json:"scopes,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	Tenant    string     `json:"tenant,omitempty"` // the caller's own; another one for callers of the default tenant
}

// postKey makes a key. Its secret is in this answer and nowhere else.
func (g *Gateway) postKey(c *call) error {
	var body keyBody
	if err := c.decode(&body); err != nil {
		return err
	}
	if len(body.Scopes) == 0 {
		body.Scopes = []string{slipway.ScopeAdmin}
	}
	for _, scope := range body.Scopes {
		if scope != slipway.ScopeAdmin && scope != slipway.ScopeInvoke && scope != slipway.ScopeMetrics {
			return slipway.Errorf(slipway.ErrInvalid, "scopes: %q is not allowed; a scope is %s, %s or %s", scope, slipway.ScopeAdmin, slipway.ScopeInvoke, slipway.ScopeMetrics)
		}
	}
	if body.ExpiresAt != nil && !body.ExpiresAt.After(time.Now()) {
		return slipway.Errorf(slipway.ErrInvalid, "expires_at: %s has passed already", body.ExpiresAt.Format(time.RFC3339))
	}
	if body.Tenant == "" {
		body.Tenant = c.tenant
	}
	if body.Tenant != c.tenant {
		if err := c.owner(); err != nil {
			return err
		}
	}
	key := newKey(body)
	if err := g.store.AddKey(c.Request().Context(), key); err != nil {
		return err
	}
	g.keys.forget()
	return c.reply(http.StatusCreated, key)
}

func newKey(body keyBody) slipway.Key {
	var b [32]byte
	rand.Read(b[:]) // never fails: see crypto/rand
	secret := "slipway_" + base64.RawURLEncoding.EncodeToString(b[:])
	return slipway.Key{
		ID: slipway.NewID(), Tenant: body.Tenant, Scopes: body.Scopes,
		CreatedAt: time.Now().UTC(), ExpiresAt: body.ExpiresAt,
		Secret: secret, Hash: sha256.Sum256([]byte(secret)),
	}
}

func (g *Gateway) listKeys(c *call) error {
	keys, err := g.store.Keys(c.Request().Context(), c.tenant)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, slipway.List[slipway.Key]{Items: keys})
}

func (g *Gateway) deleteKey(c *call) error {
	if err := g.store.DeleteKey(c.Request().Context(), c.tenant, c.Param("id")); err != nil {
		return err
	}
	g.keys.forget()
	return c.NoContent(http.StatusNoContent)
}
