package slipway

// Wish is what the gateways want of one invoker: that instances of a version are ready
// before any event asks for one.
type Wish struct {
	VersionRef
	Instances int `json:"instances"` // kept ready, idle or not
	Limit     int `json:"limit"`     // instances this invoker may have without exceeding scaling.max; 0 starts none

	// Standby says that they stay as long as nobody else needs their room.
	Standby bool `json:"standby,omitempty"`
}

// WishList is all that is wanted of one invoker. A newer list replaces an older one as a
// whole; one that is not renewed within its lease is void, and its instances go by their
// idle timeout.
type WishList struct {
	Invoker string   `json:"invoker"`
	Lease   Duration `json:"lease"`
	Wishes  []Wish   `json:"wishes"`
}

// Kept is a wish with the spec of its version: what a pool needs to fulfil it.
type Kept struct {
	Spec      Spec
	Instances int
	Limit     int
	Standby   bool
}
