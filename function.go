package slipway

import "time"

// Function is a named thing that answers events. Its JSON is its configuration with
// the fields below beside it.
type Function struct {
	Tenant string `json:"tenant"`
	Name   string `json:"name"`
	Config
	Paused    bool      `json:"paused"`        // it takes no events and has no instances
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

// pauseRetry is when asking a paused function again is worth it: a person resumes it.
const pauseRetry = 30 * time.Second

// Paused is the error of an event for a function that is paused.
func Paused(function string) *Error {
	err := Errorf(ErrUnavailable, "function %q is paused; 'slipway resume %[1]s' (POST /v1/functions/%[1]s/resume) brings it back", function)
	err.RetryAfter = pauseRetry
	return err
}
