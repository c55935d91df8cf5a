package slipway

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"time"
)

// Runtime says how source becomes an image.
type Runtime string

// The runtimes. RuntimeAuto looks at the source; RuntimeImage means that an image
// was deployed as it is.
const (
	RuntimeAuto       Runtime = "auto"
	RuntimeGo         Runtime = "go"
	RuntimePython     Runtime = "python"
	RuntimeNode       Runtime = "node"
	RuntimeBootstrap  Runtime = "bootstrap"
	RuntimeDockerfile Runtime = "dockerfile"
	RuntimeImage      Runtime = "image"
)

// Protocol is how an instance takes events.
type Protocol string

// The protocols. With ProtocolAuto the first of these that the process does decides,
// when the version is checked: it listens on $PORT, it polls the Lambda Runtime API,
// or it reads its standard input (or ends with exit status 0).
const (
	ProtocolAuto   Protocol = "auto"
	ProtocolHTTP   Protocol = "http"
	ProtocolLambda Protocol = "lambda"
	ProtocolStdio  Protocol = "stdio"
)

// NetworkMode says where an instance can connect to.
type NetworkMode string

// The network modes: NetworkEgress reaches the outside through NAT, NetworkNone has
// a loopback only.
const (
	NetworkEgress NetworkMode = "egress"
	NetworkNone   NetworkMode = "none"
)

// Config is what a user says about a function. REST and slipway.yaml show it as is.
// The zero value of a field means "the default", which [DefaultConfig] fills in.
type Config struct {
	Runtime     Runtime           `json:"runtime"`
	Handler     string            `json:"handler"`      // python and node: module.function; "" is handler.handler or index.handler
	Command     []string          `json:"command"`      // replaces the image's entrypoint and command; empty keeps them
	Env         map[string]string `json:"env"`          // added to the image's environment
	Secrets     map[string]string `json:"secrets"`      // environment variable -> name of a secret
	CPU         float64           `json:"cpu"`          // vCPUs, 0.05 to 64; 1
	MemoryMB    int               `json:"memory_mb"`    // MiB, 16 to 65536; 256
	EphemeralMB int               `json:"ephemeral_mb"` // MiB the instance may write outside of volumes, 16 to 10240; 512
	PIDs        int               `json:"pids"`         // processes and threads, 4 to 32768; 256
	Timeout     Duration          `json:"timeout"`      // of one invocation, 100ms to 24h; 30s
	Port        int               `json:"port"`         // $PORT, 1 to 65535; 8080
	Protocol    Protocol          `json:"protocol"`
	Scaling     Scaling           `json:"scaling"`
	Health      Health            `json:"health"`
	Release     Release           `json:"release"`
	Network     NetworkMode       `json:"network"`
	Isolation   string            `json:"isolation"` // native, or oci:<runtime binary>
	Async       Async             `json:"async"`
	Auth        string            `json:"auth"` // who may send HTTP events: none or key
	Tags        map[string]string `json:"tags"`
}

// Scaling bounds the instances of a version. It belongs to the function, not to the
// version: a change takes effect at once and publishes nothing.
type Scaling struct {
	Min         int      `json:"min"`          // instances of the live version kept even when idle, 0 to Max; 0
	Max         int      `json:"max"`          // instances at most, 1 to 10000; 10
	Concurrency int      `json:"concurrency"`  // invocations at once per instance, 1 to 1000; 1
	IdleTimeout Duration `json:"idle_timeout"` // an instance idle this long is stopped, 1s to 24h; 5m
	IdleMin     Duration `json:"idle_min"`     // what was learnt of the function's traffic stops none sooner, 1s to 24h; 30s, or idle_timeout when that is less
	Background  bool     `json:"background"`   // the process works between events too: it is never frozen; false
	Reserved    int      `json:"reserved"`     // of the tenant's concurrency, set aside for this function: what others do not get, 0 to 10000; 0
	Provisioned int      `json:"provisioned"`  // instances of the live version started before the first request; the larger of it and Min is kept; 0 to Max; 0
}

// Health is the check of an instance that speaks http: before its first event, and then
// at an interval. An answer with a status from 200 to 399 is a success.
type Health struct {
	Path      string   `json:"path"`      // "" checks that the port accepts a connection
	Interval  Duration `json:"interval"`  // 1s to 20s; 5s
	Timeout   Duration `json:"timeout"`   // 1s to 20s; 2s
	Healthy   int      `json:"healthy"`   // successes in a row that make it healthy, 1 to 20; 1
	Unhealthy int      `json:"unhealthy"` // failures in a row that make it unhealthy, and have it replaced, 1 to 20; 5
}

// Release is what the platform does after a deploy has moved live. Like Scaling it
// belongs to the function, not to the version.
type Release struct {
	Window       Duration `json:"window"`        // how long the version before can take over at once: an instance of it stays, if it had any; 0s to 24h; 10m
	AutoRollback bool     `json:"auto_rollback"` // within Window, a version that does not stay up gives live back to the one before; true
	Failures     int      `json:"failures"`      // starts or events in a row that end with the end of the instance, until then; 1 to 100; 5
}

// Async is how asynchronous events are retried and where their outcomes go. Like Scaling
// it belongs to the function, not to the version.
type Async struct {
	Attempts   int         `json:"attempts"`        // that the function may have, 1 to 10; 3
	Backoff    Duration    `json:"backoff"`         // between the first attempt and the second, doubled each time; 0s to 1h; 1m
	MaxBackoff Duration    `json:"max_backoff"`     // 0s to 6h; 1h
	MaxAge     Duration    `json:"max_age"`         // an event that has not succeeded so long after it was accepted has expired; 60s to 6h; 6h
	Rules      []AsyncRule `json:"rules,omitempty"` // the first that matches an error decides; 20 at most
	OnSuccess  string      `json:"on_success"`      // where the record of an outcome goes, see ParseDestination; "" is nowhere
	OnFailure  string      `json:"on_failure"`      // the same for events that failed or expired
}

// DefaultConfig is the configuration of a function about which nothing was said.
func DefaultConfig() Config {
	return Config{
		Runtime: RuntimeAuto, CPU: 1, MemoryMB: 256, EphemeralMB: 512, PIDs: 256,
		Timeout: Duration(30 * time.Second), Port: 8080, Protocol: ProtocolAuto,
		Scaling: Scaling{Max: 10, Concurrency: 1, IdleTimeout: Duration(5 * time.Minute), IdleMin: Duration(30 * time.Second)},
		Health: Health{Interval: Duration(5 * time.Second), Timeout: Duration(2 * time.Second),
			Healthy: 1, Unhealthy: 5},
		Release: Release{Window: Duration(10 * time.Minute), AutoRollback: true, Failures: 5},
		Network: NetworkEgress, Isolation: "native",
		Async: Async{Attempts: 3, Backoff: Duration(time.Minute), MaxBackoff: Duration(time.Hour),
			MaxAge: Duration(6 * time.Hour)},
		Auth: "none",
	}
}

// Merge is c with a partial JSON document laid over it, as RFC 7396 (JSON Merge
// Patch) says: an object is merged, null takes a key of a map away, everything else
// replaces. An unknown field is ErrInvalid. The result is checked; c is not changed.
func (c Config) Merge(patch []byte) (Config, error) {
	merged := c.Clone()
	var nulls struct{ Env, Secrets, Tags map[string]*string }
	_ = json.Unmarshal(patch, &nulls) // a wrong shape is reported by the strict decoder below
	dec := json.NewDecoder(bytes.NewReader(patch))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&merged); err != nil {
		return c, decodeError(err)
	}
	if dec.More() {
		return c, Errorf(ErrInvalid, "configuration: one JSON object is expected, more follows it")
	}
	dropNulls(merged.Env, nulls.Env)
	dropNulls(merged.Secrets, nulls.Secrets)
	dropNulls(merged.Tags, nulls.Tags)
	return merged, merged.Check()
}

func dropNulls(m map[string]string, patch map[string]*string) {
	for k, v := range patch {
		if v == nil {
			delete(m, k)
		}
	}
}

// decodeError tells a person where a JSON document went wrong.
func decodeError(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return Errorf(ErrInvalid, "configuration: %s: a %s is not allowed here, %s is expected", wrongType.Field, wrongType.Value, wrongType.Type)
	}
	return Errorf(ErrInvalid, "configuration: %w", err)
}

// Clone is a copy that shares no map or slice with c.
func (c Config) Clone() Config {
	c.Command = append([]string(nil), c.Command...)
	c.Async.Rules = append([]AsyncRule(nil), c.Async.Rules...)
	c.Env, c.Secrets, c.Tags = maps.Clone(c.Env), maps.Clone(c.Secrets), maps.Clone(c.Tags)
	return c
}

// SameVersion says whether two configurations make the same version: scaling, release,
// async and tags aside, which belong to the function.
func (c Config) SameVersion(o Config) bool {
	c, o = c.OfFunction(Config{}), o.OfFunction(Config{})
	a, errA := json.Marshal(c)
	b, errB := json.Marshal(o)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// OfFunction is c with what belongs to the function rather than to the version taken
// from f.
func (c Config) OfFunction(f Config) Config {
	c.Scaling, c.Release, c.Async, c.Tags = f.Scaling, f.Release, f.Async, f.Tags
	return c
}
