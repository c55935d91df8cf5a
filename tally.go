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
	Alias     string  `json:"alias"`
	Revision  int64   `json:"revision"` // of the alias
	Events    int64   `json:"events"`   // that reached an instance, or would have if one had started
	Errors    int64   `json:"errors"`   // of those: function errors and answers with a status from 500
	Fallen    int64   `json:"fallen"`   // the last events in a row that ended with the end of their instance
	Latency   []int64 `json:"latency"`  // events by the function's own time to its response head, in the gateways' classes
	LastError string  `json:"last_error,omitempty"`
}
