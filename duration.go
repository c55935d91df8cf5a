package slipway

import (
	"encoding/json"
	"time"
)

// Duration is a time.Duration that is written as "30s" or "1h5m" in JSON and YAML.
type Duration time.Duration

// D is the duration as the standard library's type.
func (d Duration) D() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return Errorf(ErrInvalid, "duration %q: write a number with a unit, as in \"30s\", \"5m\" or \"1h\"", b)
	}
	*d = Duration(v)
	return nil
}

// UnmarshalJSON takes "30s", and says what to write when it gets a bare number.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return Errorf(ErrInvalid, "duration %s: write it as text with a unit, as in \"30s\"", b)
	}
	return d.UnmarshalText([]byte(s))
}
