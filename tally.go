package slipway

import "time"

// GatewayState is what a gateway tells the others, once a second while there is
// something to tell, and soon after what it says of concurrency changed.
type GatewayState struct {
	ID      string       `json:"id"`
	At      time.Time    `json:"at"`
	Load    []TenantLoad `json:"load,omitempty"`
	Tallies []Tally      `json:"tallies,omitempty"`
}

// TenantLoad is the events of one tenant with a limit that are in flight at one gateway.
type TenantLoad struct {
	Tenant   string         `json:"tenant"`
	Open     int            `json:"open"`               // in what no function has reserved
	Reserved map[string]int `json:"reserved,omitempty"` // by function, in what it has reserved
}

// Tally is what one gateway has counted of a version since an alias was changed last.
type Tally struct {
	VersionRef
	Alias    string  `json:"alias"`
	Revision int64   `json:"revision"` // of the alias
	Events   int64   `json:"events"`   // that had an outcome of the function's
	Errors   int64   `json:"errors"`   // of those: function errors, and answers with a status from 500
	Latency  []int64 `json:"latency"`  // of the others, those that met a warm instance, by the function's own time to its response head, in the gateways' classes
	Last     string  `json:"last"`     // error; "" for none
}

// Progress is how the present step of a canary goes, as far as a gateway knows.
type Progress struct {
	Current VersionProgress `json:"current"`
	Canary  VersionProgress `json:"canary"`
	Waits   string          `json:"waits"` // what the step waits for
}

// VersionProgress is what one version did since the step began.
type VersionProgress struct {
	Version int      `json:"version"`
	Events  int64    `json:"events"`
	Errors  int64    `json:"errors"`
	P95     Duration `json:"p95"` // of the function's own time to its response head, rounded up
}
