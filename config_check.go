package slipway

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Check says whether every field is within its bounds; the error is ErrInvalid and
// names the field, the value and the bound.
func (c Config) Check() error {
	const hour = Duration(time.Hour)
	s, h := c.Scaling, c.Health
	return cmp.Or(
		oneOf("runtime", c.Runtime, RuntimeAuto, RuntimeGo, RuntimePython, RuntimeNode, RuntimeBootstrap, RuntimeDockerfile, RuntimeImage),
		oneOf("protocol", c.Protocol, ProtocolAuto, ProtocolHTTP, ProtocolLambda, ProtocolStdio),
		oneOf("network", c.Network, NetworkEgress, NetworkNone),
		oneOf("auth", c.Auth, "none", "key"),
		checkIsolation(c.Isolation),
		within("cpu", c.CPU, 0.05, 64),
		within("memory_mb", c.MemoryMB, 16, 65536),
		within("ephemeral_mb", c.EphemeralMB, 16, 10240),
		within("pids", c.PIDs, 4, 32768),
		within("timeout", c.Timeout, Duration(100*time.Millisecond), 24*hour),
		within("port", c.Port, 1, 65535),
		within("scaling.max", s.Max, 1, 10000),
		within("scaling.min", s.Min, 0, s.Max),
		within("scaling.provisioned", s.Provisioned, 0, s.Max),
		within("scaling.concurrency", s.Concurrency, 1, 1000),
		within("scaling.idle_timeout", s.IdleTimeout, Duration(time.Second), 24*hour),
		within("scaling.idle_min", s.IdleMin, Duration(time.Second), 24*hour),
		within("scaling.reserved", s.Reserved, 0, 10000),
		within("health.interval", h.Interval, Duration(time.Second), Duration(20*time.Second)),
		within("health.timeout", h.Timeout, Duration(time.Second), Duration(20*time.Second)),
		within("health.healthy", h.Healthy, 1, 20),
		within("health.unhealthy", h.Unhealthy, 1, 20),
		within("release.window", c.Release.Window, 0, 24*hour),
		within("release.failures", c.Release.Failures, 1, 100),
		checkPath("health.path", h.Path),
		checkNoNUL("handler", c.Handler),
		checkCommand(c.Command),
		checkEnv("env", c.Env),
		checkSecrets(c.Secrets),
		c.Async.check(),
		checkTags(c.Tags),
	)
}

func within[T cmp.Ordered](field string, v, low, high T) error {
	if v >= low && v <= high { // written so that NaN is refused
		return nil
	}
	return Errorf(ErrInvalid, "%s: %v is not allowed; it must be between %v and %v", field, v, low, high)
}

func oneOf[T ~string](field string, v T, allowed ...T) error {
	if slices.Contains(allowed, v) {
		return nil
	}
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
	}
	return Errorf(ErrInvalid, "%s: %q is not allowed; it must be one of %s", field, v, strings.Join(words, ", "))
}

var ociRuntimeRE = regexp.MustCompile(`^oci:[a-zA-Z0-9._-]+$`)

func checkIsolation(v string) error {
	if v == "native" || ociRuntimeRE.MatchString(v) {
		return nil
	}
	return Errorf(ErrInvalid, "isolation: %q is not allowed; it must be native or oci:<runtime>, as in oci:runc", v)
}

func checkPath(field, v string) error {
	if v == "" || strings.HasPrefix(v, "/") {
		return checkNoNUL(field, v)
	}
	return Errorf(ErrInvalid, "%s: %q must start with a slash", field, v)
}

func checkCommand(command []string) error {
	if len(command) > 0 && command[0] == "" {
		return Errorf(ErrInvalid, "command: the first word is the program and cannot be empty")
	}
	for _, word := range command {
		if err := checkNoNUL("command", word); err != nil {
			return err
		}
	}
	return nil
}

var envRE = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// maxEnvBytes bounds all names and values together, so that execve cannot fail for it.
const maxEnvBytes = 64 << 10

func checkEnv(field string, env map[string]string) error {
	size := 0
	for k, v := range env {
		if !envRE.MatchString(k) {
			return Errorf(ErrInvalid, "%s: %q is not a name for a variable; it is letters, digits and underscores and does not start with a digit", field, k)
		}
		if err := checkNoNUL(field+"."+k, v); err != nil {
			return err
		}
		size += len(k) + len(v) + 2
	}
	if size > maxEnvBytes {
		return Errorf(ErrInvalid, "%s: %d bytes of names and values; at most %d are allowed", field, size, maxEnvBytes)
	}
	return nil
}

// checkTags refuses what PostgreSQL cannot keep.
func checkTags(tags map[string]string) error {
	for k, v := range tags {
		if err := checkNoNUL("tags", k+v); err != nil {
			return err
		}
	}
	return nil
}

// checkSecrets refuses what no part resolves yet: a function that waits for its secret in
// vain would be worse.
func checkSecrets(secrets map[string]string) error {
	if len(secrets) == 0 {
		return nil
	}
	return Errorf(ErrInvalid, "secrets: this release does not hold secrets yet; give the value in env")
}

func checkNoNUL(field, v string) error {
	if strings.ContainsRune(v, 0) {
		return Errorf(ErrInvalid, "%s: a zero byte is not allowed", field)
	}
	return nil
}
