package slipway

import (
	"fmt"
	"time"
)

// VersionState is where a version is in its life: building until its image exists
// and an instance of it has answered its check, then ready or failed, for good.
type VersionState string

// The states of a version.
const (
	VersionBuilding VersionState = "building"
	VersionReady    VersionState = "ready"
	VersionFailed   VersionState = "failed"
)

// Version is immutable once it is ready: an image digest plus the configuration at
// publishing time, numbered from 1 within its function.
type Version struct {
	Tenant    string       `json:"tenant"`
	Function  string       `json:"function"`
	Number    int          `json:"version"`
	Image     string       `json:"image"`    // <tenant>/<function>@<digest>, or the reference that was deployed with its digest
	Digest    string       `json:"digest"`   // of the image manifest: "sha256:…"
	Protocol  Protocol     `json:"protocol"` // as found by the check; never auto when ready
	Runtime   Runtime      `json:"runtime"`  // as found by the packager; never auto when ready
	Config    Config       `json:"config"`   // at publishing time
	State     VersionState `json:"state"`
	Reason    string       `json:"reason"` // why it failed, or why the platform took the events from it again; "" otherwise
	CreatedAt time.Time    `json:"created_at"`
}

// Ref names v.
func (v Version) Ref() VersionRef { return VersionRef{v.Tenant, v.Function, v.Number} }

// VersionRef names a version within the whole platform. It can be a map key.
type VersionRef struct {
	Tenant   string `json:"tenant"`
	Function string `json:"function"`
	Version  int    `json:"version"`
}

func (r VersionRef) String() string { return fmt.Sprintf("%s/%s:%d", r.Tenant, r.Function, r.Version) }

// Mark is why the platform took the events from a version; it becomes the version's
// Reason.
type Mark struct {
	Version int
	Reason  string
}

// Spec is all that an invoker needs to run instances of a version. It reaches the
// invoker in a message; invokers never read the store.
type Spec struct {
	VersionRef
	Digest   string   `json:"digest"`
	Protocol Protocol `json:"protocol"` // auto only while the version is being checked
	Config   Config   `json:"config"`   // the version's, with the function's present Scaling, Release and Async
	Paused   bool     `json:"paused,omitempty"`
}

// Route is what the gateway must know to send an event of one function on its way.
type Route struct {
	FunctionRef
	Auth    string           `json:"auth"`   // none or key
	Paused  bool             `json:"paused"` // no events are sent
	Aliases map[string]Alias `json:"aliases"`
	Specs   map[int]Spec     `json:"specs"` // every version that an alias names, or named before
}
