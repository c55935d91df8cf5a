package slipway

import (
	"cmp"
	"time"
)

// DefaultTenant exists from the first start; the admin key belongs to it.
const DefaultTenant = "default"

// Tenant is the boundary of isolation, names, keys and quotas.
type Tenant struct {
	Name           string    `json:"name"`
	MaxConcurrency int       `json:"max_concurrency"` // events of all its functions at once, 0 to 1000000; 0 is no limit
	CreatedAt      time.Time `json:"created_at"`
}

// Check says whether every field is within its bounds; the error is ErrInvalid.
func (t Tenant) Check() error {
	return cmp.Or(CheckName("tenant", t.Name), within("max_concurrency", t.MaxConcurrency, 0, 1_000_000))
}

// Key is an API key as the store holds it: the key itself is shown once, when it is
// made, and only its SHA-256 is kept.
type Key struct {
	ID        string     `json:"id"`
	Tenant    string     `json:"tenant"`
	Scopes    []string   `json:"scopes"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
	Secret    string     `json:"key,omitempty"` // only in the answer that makes the key
	Hash      [32]byte   `json:"-"`             // SHA-256 of the secret
}

// The scopes of a key.
const (
	ScopeAdmin   = "admin"   // everything
	ScopeMetrics = "metrics" // reading /metrics, which shows names and figures of all tenants; for keys of the default one
	ScopeInvoke  = "invoke"  // sending events: invocations, and HTTP events of functions with auth "key"
)
