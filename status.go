package slipway

import "time"

// Status is what a gateway knows about the platform at one moment.
type Status struct {
	Gateway   string           `json:"gateway"` // id of the gateway that was asked
	Build     string           `json:"build"`   // version of its binary
	StartedAt time.Time        `json:"started_at"`
	Store     string           `json:"store"` // ok, or what is wrong with it
	Invokers  []InvokerState   `json:"invokers"`
	Functions []FunctionStatus `json:"functions"` // those of the caller's tenant that have a live version
}

// FunctionStatus is the instances of one function on all invokers.
type FunctionStatus struct {
	Function  string `json:"function"`
	Live      int    `json:"live"`
	Instances int    `json:"instances"` // of every version, starting ones too
	Free      int    `json:"free"`      // invocations that could begin now without a start
	Waiting   int    `json:"waiting"`   // invocations that wait for an instance

	// What this gateway has counted since it started.
	Events         int64 `json:"events"`
	FunctionErrors int64 `json:"function_errors"` // what the user's code did wrong
	PlatformErrors int64 `json:"platform_errors"` // what the platform could not do
}
