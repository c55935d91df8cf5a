package slipway

import "time"

// LiveAlias receives events unless told otherwise.
const LiveAlias = "live"

// Alias is a name for one version, or a weighted split of two.
type Alias struct {
	Tenant   string          `json:"-"`
	Function string          `json:"function"`
	Name     string          `json:"name"`
	Version  int             `json:"version"`
	Weights  map[int]float64 `json:"weights,omitempty"` // at most one other version and its share, 0.0 to 1.0
	Canary   *Canary         `json:"canary,omitempty"`  // how the split goes on by itself; nil when it stays as it is

	Previous int       `json:"previous,omitempty"` // the version it named before; 0 for none
	MovedAt  time.Time `json:"moved_at,omitzero"`  // when it began to name Version alone, or first of two
	MovedBy  Mover     `json:"moved_by,omitempty"` // who decided that
	Revision int64     `json:"revision"`           // grows with every change
	Progress *Progress `json:"progress,omitempty"` // of the canary; filled in by the gateway, not stored
}

// Mover is who had an alias name another version.
type Mover string

// The movers.
const (
	MovedByDeploy       Mover = "deploy"
	MovedByUser         Mover = "user"          // set by hand
	MovedByRollback     Mover = "rollback"      // asked for
	MovedByCanary       Mover = "canary"        // its last step was passed
	MovedByAutoRollback Mover = "auto-rollback" // the version did not stay up
)

// Automatic says whether the version came there without a person having said where the
// alias goes: then it may be taken back the same way.
func (m Mover) Automatic() bool { return m == MovedByDeploy || m == MovedByCanary }

// Ref names the function of a.
func (a Alias) Ref() FunctionRef { return FunctionRef{Tenant: a.Tenant, Function: a.Function} }

// Other is the second version of a split and its share; 0 when there is none.
func (a Alias) Other() (version int, share float64) {
	for v, s := range a.Weights { // one at most
		version, share = v, s
	}
	return version, share
}
