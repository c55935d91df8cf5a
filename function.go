package slipway

import "time"

// Function is a named thing that answers events. Its JSON is its configuration with
// the fields below beside it.
type Function struct {
	Tenant string `json:"tenant"`
	Name   string `json:"name"`
	Config
	Live      int       `json:"live"`          // the version that receives events; 0 before the first deploy
	URL       string    `json:"url,omitempty"` // where it answers; filled in by the gateway, not stored
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// FunctionRef names a function within the whole platform.
type FunctionRef struct {
	Tenant   string `json:"tenant"`
	Function string `json:"function"`
}

func (r FunctionRef) String() string { return r.Tenant + "/" + r.Function }
