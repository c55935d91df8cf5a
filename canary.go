package slipway

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// Canary has a split go forward by itself, as long as the second version does no worse
// than the first; it goes back at once when it does.
type Canary struct {
	Steps           []float64 `json:"steps"`             // shares of the second version, growing, above 0 and at most 1, 10 at most; 0.1, 0.5. After the last the alias moves as a whole
	Interval        Duration  `json:"interval"`          // a step lasts so long at least, 1s to 24h; 1m
	MaxErrorRate    float64   `json:"max_error_rate"`    // of the second version's events, 0 to 1; 0.05
	MaxLatencyRatio float64   `json:"max_latency_ratio"` // of the versions' 95th percentiles, 1 to 100; 1.5
	MinEvents       int       `json:"min_events"`        // of the second version that a step waits for, 1 to 1000000; 50

	Step  int       `json:"step"`           // the present one, from 0; set by the platform
	Since time.Time `json:"since,omitzero"` // when it began; set by the platform
}

// DefaultCanary is a canary about which nothing was said.
func DefaultCanary() Canary {
	return Canary{
		Steps: []float64{0.1, 0.5}, Interval: Duration(time.Minute),
		MaxErrorRate: 0.05, MaxLatencyRatio: 1.5, MinEvents: 50,
	}
}

// UnmarshalJSON reads a document over the defaults; an unknown field is ErrInvalid.
func (c *Canary) UnmarshalJSON(b []byte) error {
	type plain Canary
	p := plain(DefaultCanary())
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return Errorf(ErrInvalid, "canary: %w", err)
	}
	*c = Canary(p)
	return nil
}

const maxSteps = 10

// Check says whether every field is within its bounds; the error is ErrInvalid.
func (c Canary) Check() error {
	if len(c.Steps) == 0 || len(c.Steps) > maxSteps {
		return Errorf(ErrInvalid, "canary.steps: %d steps are not allowed; it must be 1 to %d", len(c.Steps), maxSteps)
	}
	for i, share := range c.Steps {
		if !(share > 0 && share <= 1) || i > 0 && share <= c.Steps[i-1] { // written so that NaN is refused
			return Errorf(ErrInvalid, "canary.steps: %v is not allowed; steps are shares above 0 and at most 1, each greater than the one before, as in [0.1, 0.5]", c.Steps)
		}
	}
	return cmp.Or(
		within("canary.interval", c.Interval, Duration(time.Second), Duration(24*time.Hour)),
		within("canary.max_error_rate", c.MaxErrorRate, 0, 1),
		within("canary.max_latency_ratio", c.MaxLatencyRatio, 1, 100),
		within("canary.min_events", c.MinEvents, 1, 1_000_000),
	)
}

// Begin is c at the beginning of a step.
func (c Canary) Begin(step int, at time.Time) *Canary {
	c.Steps = slices.Clone(c.Steps)
	c.Step, c.Since = step, at
	return &c
}

// Share is what the second version gets in the present step.
func (c Canary) Share() float64 { return c.Steps[min(c.Step, len(c.Steps)-1)] }
