package main

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/sandbox"
)

// options is the configuration of a server, whichever parts of it run. Every field is
// a flag; settings.go says where else a value can come from.
type options struct {
	data     string // folder of everything durable
	cache    string // folder of what can be made again
	id       string // name of this invoker or gateway; "" is the data folder's own identity
	logLevel string // debug, info, warn, error
	shutdown time.Duration
	refresh  time.Duration // how often what others may have changed is read again

	// Where the shared pieces are. Empty: embedded.
	nats     string
	store    string
	replicas int // of JetStream's streams, in a NATS cluster

	gatewayOptions
	invokerOptions
}

type gatewayOptions struct {
	listen        string
	domain        string
	auth          string
	metrics       string // key or open
	natsListen    string // of the embedded server, for programs that are not the platform
	natsToken     string
	triggerNATS   string
	maxUploadMB   int64
	maxUnpackedMB int64
	retention     time.Duration // of the records of asynchronous invocations
	webhookAllow  []string
}

type invokerOptions struct {
	memoryMB     int // for all instances together
	startTimeout time.Duration
	reserve      float64       // of memoryMB, from 0 to 1
	freezeAfter  time.Duration // idle; below 0 is never
	reclaimAfter time.Duration // idle; below 0 is never
	pythonBase   string
	nodeBase     string
	suite        string
	network      bool
	shells       int // unused sandboxes that are kept ready; 0 is the default
	scratch      string
	runtimes     map[string]string // OCI runtimes: their binaries by name
	allow        []string
	dns          []string
	connections  int
}

func (o *options) common(f *pflag.FlagSet) {
	f.StringVar(&o.data, "data", defaultDataDir(), "folder of everything durable")
	f.StringVar(&o.id, "id", "", "name of this machine in the cluster (default: made once, kept in the data folder)")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	f.DurationVar(&o.shutdown, "shutdown-timeout", 30*time.Second, "how long stopping may take; requests in flight finish within it")
	f.DurationVar(&o.refresh, "refresh", 30*time.Second, "how often what may have changed elsewhere is read again, in case the notice of it was lost")
	f.String("config", "", "YAML file with any of these flags as keys")
}

func (o *options) cluster(f *pflag.FlagSet) {
	f.StringVar(&o.nats, "nats", "", "NATS servers, as in nats://a:4222,nats://b:4222 (default: embedded)")
	f.IntVar(&o.replicas, "replicas", 1, "copies of every stream in the NATS cluster, 1 to 5")
}

func (o *options) gatewayFlags(f *pflag.FlagSet) {
	f.StringVar(&o.listen, "listen", ":8080", "address of the API and of HTTP events")
	f.StringVar(&o.store, "store", "", "postgres://… or sqlite:///path (default: SQLite in the data folder)")
	f.StringVar(&o.domain, "domain", "localhost", "functions answer at <function>.<domain>")
	f.StringVar(&o.auth, "auth", "on", "off lets everyone who can connect use the API")
	f.StringVar(&o.metrics, "metrics", "key", "who may read /metrics: key (one of the default tenant, with the scope metrics or admin) or open")
	f.StringVar(&o.triggerNATS, "trigger-nats", "", "NATS servers whose messages set triggers off, with the user or token for them (default: those of --nats, or the embedded one)")
	f.Int64Var(&o.maxUploadMB, "max-upload-mb", 1024, "largest archive that can be uploaded, MiB")
	f.DurationVar(&o.retention, "invocation-retention", 7*24*time.Hour, "how long the records of asynchronous invocations are kept after their outcome")
	f.StringSliceVar(&o.webhookAllow, "webhook-allow", nil, "private address ranges that webhooks may reach, as in 10.1.0.0/16 or 127.0.0.0/8")
}

// embeddedFlags are about what has its place outside of the process in a cluster.
func (o *options) embeddedFlags(f *pflag.FlagSet) {
	f.StringVar(&o.natsListen, "nats-listen", "", "address at which other programs reach the embedded NATS, as in 127.0.0.1:4222: they see nothing of the platform's, and triggers see what they publish")
	f.StringVar(&o.natsToken, "nats-token", "", "what those programs must show; needed unless the address is a loopback one")
}

func (o *options) invokerFlags(f *pflag.FlagSet) {
	f.StringVar(&o.cache, "cache", defaultCacheDir(), "folder of base images and of the caches of go, pip and npm")
	f.IntVar(&o.memoryMB, "memory-mb", 0, "memory for all instances and jobs together, MiB (default: three quarters of the machine's)")
	f.Float64Var(&o.reserve, "reserve", 0.2, "share of --memory-mb, 0 to 1, that jobs leave to functions unless their queue gives it back")
	f.DurationVar(&o.startTimeout, "start-timeout", 10*time.Second, "how long an instance may take until it answers")
	f.DurationVar(&o.freezeAfter, "freeze-after", 10*time.Second, "an instance idle this long gets no processor time until its next event (below 0: never)")
	f.DurationVar(&o.reclaimAfter, "reclaim-after", time.Minute, "the memory of an instance idle this long goes to swap, where there is some (below 0: never)")
	f.Int64Var(&o.maxUnpackedMB, "max-unpacked-mb", 4096, "largest unpacked source or image, MiB")
	f.StringVar(&o.pythonBase, "python-base", "", "image for Python functions (default: python:3.13-slim, or one made from Debian packages)")
	f.StringVar(&o.nodeBase, "node-base", "", "image for Node functions (default: node:22-slim, or one made from Debian packages)")
	f.StringVar(&o.suite, "debian-suite", "", "Debian release of the bases that are made from packages (default: the newest that can be had)")
	f.IntVar(&o.shells, "shells", 0, "blank sandboxes kept ready at most, of those with and without egress each (default: 32, below 0: none)")
	f.StringVar(&o.scratch, "scratch", sandbox.ScratchMemory, "where instances write files: memory (it counts as theirs) or disk (below --data; up to ephemeral_mb each)")
	f.StringToStringVar(&o.runtimes, "oci-runtime", nil, "binary for the isolation oci:<name>, as in crun-git=/opt/crun (default: runc, crun, youki and runsc as found in PATH)")
	f.BoolVar(&o.network, "egress", true, "let instances with network: egress connect to the outside")
	f.StringSliceVar(&o.allow, "egress-allow", nil, "private address ranges that instances may reach, as in 10.1.0.0/16")
	f.IntVar(&o.connections, "egress-connections", 0, "connections to the outside that one instance may have at once (default: a part in 32 of what the machine can track)")
	f.StringSliceVar(&o.dns, "dns", nil, "addresses of the name servers that instances use (default: the machine's)")
}

// check refuses what no part could use, before anything is started.
func (o *options) check() error {
	if o.gatewayOptions.auth != "" && o.auth != "on" && o.auth != "off" {
		return usageError{slipway.Errorf(slipway.ErrInvalid, "--auth: %q is not allowed; it must be on or off", o.auth)}
	}
	if o.metrics != "" && o.metrics != "key" && o.metrics != "open" {
		return usageError{slipway.Errorf(slipway.ErrInvalid, "--metrics: %q is not allowed; it must be key or open", o.metrics)}
	}
	if o.natsListen != "" && o.nats != "" {
		return usageError{slipway.Errorf(slipway.ErrInvalid, "--nats-listen is for the embedded NATS, and --nats names another one")}
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.logLevel)); err != nil {
		return usageError{slipway.Errorf(slipway.ErrInvalid, "--log-level: %q is not allowed; it must be debug, info, warn or error", o.logLevel)}
	}
	if o.id != "" {
		if err := slipway.CheckName("--id", o.id); err != nil {
			return usageError{err}
		}
	}
	for name, path := range o.runtimes {
		if err := slipway.CheckName("--oci-runtime", name); err != nil {
			return usageError{err}
		}
		if !filepath.IsAbs(path) {
			return usageError{slipway.Errorf(slipway.ErrInvalid, "--oci-runtime: %q is not allowed for %s; it must be an absolute path", path, name)}
		}
	}
	if o.scratch != "" && o.scratch != sandbox.ScratchMemory && o.scratch != sandbox.ScratchDisk {
		return usageError{slipway.Errorf(slipway.ErrInvalid, "--scratch: %q is not allowed; it must be memory or disk", o.scratch)}
	}
	if _, err := o.allowed(); err != nil {
		return usageError{err}
	}
	if _, err := o.webhooks(); err != nil {
		return usageError{err}
	}
	_, err := o.resolvers()
	if err != nil {
		return usageError{err}
	}
	return nil
}

func (o *options) allowed() ([]netip.Prefix, error) { return ranges("--egress-allow", o.allow) }

func (o *options) webhooks() ([]netip.Prefix, error) {
	return ranges("--webhook-allow", o.webhookAllow)
}

func ranges(flag string, texts []string) ([]netip.Prefix, error) {
	prefixes := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, slipway.Errorf(slipway.ErrInvalid, "%s: %q is not a range of addresses, as in 10.1.0.0/16", flag, text)
		}
		prefixes[i] = prefix
	}
	return prefixes, nil
}

func (o *options) resolvers() ([]netip.Addr, error) {
	addrs := make([]netip.Addr, len(o.dns))
	for i, text := range o.dns {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return nil, slipway.Errorf(slipway.ErrInvalid, "--dns: %q is not an address, as in 9.9.9.9", text)
		}
		addrs[i] = addr
	}
	return addrs, nil
}

// logger writes text to the command's standard error.
func (o *options) logger(cmd *cobra.Command) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(o.logLevel)) // check has read it before
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
}

// vcpus is what the machine has.
func vcpus() float64 { return float64(runtime.NumCPU()) }

// hostName is the machine's name for people; an empty one is no reason to stop.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}
