package slipway_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/slipway-run/slipway"

// rooms is the import table of docs/architecture.md: what a package may import of
// ours, and which third-party modules have their one door there. A new arrow is
// added here on purpose or not at all.
var rooms = map[string]struct{ ours, doors []string }{
	"":                 {},
	"migrations":       {},
	"sdk":              {ours: []string{""}},
	"store":            {ours: []string{"", "migrations"}, doors: []string{"github.com/jackc/pgx/v5", "modernc.org/sqlite", "github.com/pressly/goose/v3"}},
	"internal/cgroup":  {doors: []string{"golang.org/x/sys"}},
	"internal/userns":  {doors: []string{"golang.org/x/sys"}},
	"internal/network": {doors: []string{"golang.org/x/sys", "github.com/vishvananda/netlink", "github.com/google/nftables"}},
	"internal/sandbox": {
		ours:  []string{"", "internal/cgroup", "internal/network", "internal/sandbox/guest", "internal/sandbox/monitor", "internal/sandbox/seccomp"},
		doors: []string{"golang.org/x/sys", "github.com/opencontainers/runtime-spec"},
	},
	"internal/sandbox/guest":       {doors: []string{"golang.org/x/sys"}}, // what runs in a sandbox: it knows system calls only
	"internal/sandbox/monitor":     {doors: []string{"golang.org/x/sys"}}, // what runs beside one
	"internal/sandbox/seccomp":     {doors: []string{"golang.org/x/sys", "golang.org/x/net/bpf", "github.com/opencontainers/runtime-spec", "github.com/moby/profiles/seccomp"}},
	"internal/sandbox/seccomp/gen": {},
	"internal/bus":                 {ours: []string{""}, doors: []string{"github.com/nats-io/nats.go", "github.com/nats-io/nats-server/v2"}},
	"packager":                     {ours: []string{""}, doors: []string{"github.com/google/go-containerregistry", "github.com/klauspost/compress", "github.com/moby/patternmatcher", "go.yaml.in/yaml/v3", "golang.org/x/sys"}},
	"pool":                         {ours: []string{"", "pool/ledger"}},
	"pool/ledger":                  {ours: []string{""}},
	"invoker":                      {ours: []string{"", "internal/bus", "invoker/runtimeapi", "invoker/streams", "invoker/supervisor"}},
	"invoker/jobs":                 {ours: []string{"", "invoker/streams", "invoker/yield"}},
	"invoker/streams":              {},
	"invoker/runtimeapi":           {ours: []string{""}},
	"invoker/yield":                {ours: []string{""}},
	"batch":                        {ours: []string{"", "batch/life", "batch/schedule", "internal/bus"}},
	"batch/life":                   {ours: []string{""}},
	"batch/schedule":               {ours: []string{""}},
	"invoker/supervisor":           {ours: []string{"invoker/runtimeapi"}}, // what runs in a sandbox with extensions
	"gateway":                      {ours: []string{"", "gateway/canary", "gateway/choose", "internal/bus", "gateway/front", "gateway/metrics"}, doors: []string{"github.com/labstack/echo/v4"}},
	"gateway/metrics":              {ours: []string{""}, doors: []string{"github.com/prometheus/client_golang"}},
	"async":                        {ours: []string{""}},
	"gateway/canary":               {ours: []string{""}},
	"trigger":                      {ours: []string{"", "internal/bus"}, doors: []string{"github.com/robfig/cron/v3"}},
	"gateway/choose":               {ours: []string{""}},
	"gateway/front":                {},
	// cmd knows everyone; what is listed are the doors that open onto a terminal.
	"cmd/slipway": {
		ours:  []string{"", "sdk", "store", "internal/network", "internal/sandbox", "internal/cgroup", "internal/userns", "internal/bus", "packager", "pool", "invoker", "invoker/jobs", "invoker/supervisor", "gateway", "gateway/metrics", "batch", "trigger", "async"},
		doors: []string{"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/vbauerster/mpb/v8", "golang.org/x/sys", "golang.org/x/term", "go.yaml.in/yaml/v3", "github.com/moby/patternmatcher"},
	},
	// Programs that measure use the product as a user does. A cold start is too short for
	// that alone: the sandbox is also measured without the server around it.
	"bench/rig":           {ours: []string{"internal/sandbox", "internal/network"}},
	"bench/cold":          {ours: []string{"", "bench/rig", "internal/sandbox"}},
	"bench/coldpath":      {ours: []string{"", "bench/rig", "internal/sandbox", "internal/sandbox/seccomp"}},
	"bench/density":       {ours: []string{"", "bench/rig", "internal/sandbox"}},
	"bench/queue":         {ours: []string{"", "batch", "bench/rig", "internal/bus", "store"}}, // the queue alone has no command
	"bench/shares":        {ours: []string{"", "batch/schedule", "bench/simulate/chart"}},
	"bench/jobs":          {ours: []string{"", "bench/rig", "internal/sandbox", "invoker/jobs", "pool"}},
	"bench/thaw":          {ours: []string{"", "bench/rig", "internal/sandbox", "internal/zram"}},
	"bench/async":         {ours: []string{"bench/rig"}, doors: []string{"github.com/nats-io/nats.go", "github.com/nats-io/nats-server/v2"}}, // raw JetStream is the peer
	"bench/demo":          {ours: []string{"bench/rig"}},
	"bench/warm":          {ours: []string{"bench/rig"}},
	"bench/pipeline":      {ours: []string{"", "bench/rig"}},
	"bench/neighbours":    {ours: []string{"bench/rig"}},
	"bench/step":          {ours: []string{"bench/rig"}},
	"bench/step/program":  {},
	"bench/burst":         {ours: []string{"bench/rig"}},
	"bench/burst/program": {},
	// The same for what handlers cost above their interpreters.
	"bench/runtime":         {ours: []string{"bench/rig"}},
	"bench/runtime/program": {},
	// The simulator drives the code that decides, on arrivals of recorded or made traces.
	"bench/simulate":       {ours: []string{"bench/simulate/chart", "bench/simulate/sim", "bench/simulate/trace"}},
	"bench/simulate/chart": {},
	"bench/simulate/sim":   {ours: []string{"", "bench/simulate/trace", "gateway/choose", "pool/ledger"}},
	"bench/simulate/trace": {},
	// Test support: imported by tests alone, which the table does not bind.
	"internal/testenv":             {},
	"internal/zram":                {doors: []string{"golang.org/x/sys"}},
	"internal/sandbox/sandboxtest": {ours: []string{"", "internal/zram"}, doors: []string{"golang.org/x/sys"}},
}

func TestImportTable(t *testing.T) {
	for _, pkg := range list(t) {
		room := strings.TrimPrefix(strings.TrimPrefix(pkg.ImportPath, module), "/")
		allowed, known := rooms[room]
		if !known {
			t.Errorf("package %q is in no room of the import table", room)
			continue
		}
		for _, path := range pkg.Imports {
			if !allow(path, allowed.ours, allowed.doors) {
				t.Errorf("%q imports %s, which the import table does not allow", room, path)
			}
		}
	}
}

// TestTestenvIsForTests keeps test support out of the binary.
func TestTestenvIsForTests(t *testing.T) {
	for _, pkg := range list(t) {
		for _, path := range pkg.Imports {
			if strings.HasPrefix(path, module+"/internal/testenv") || strings.HasSuffix(path, "/sandboxtest") {
				t.Errorf("%s imports %s outside of a test", pkg.ImportPath, path)
			}
		}
	}
}

func allow(path string, ours, doors []string) bool {
	if path == module || strings.HasPrefix(path, module+"/") {
		return slices.Contains(ours, strings.TrimPrefix(strings.TrimPrefix(path, module), "/"))
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return true // the standard library
	}
	return slices.ContainsFunc(doors, func(door string) bool {
		return path == door || strings.HasPrefix(path, door+"/")
	})
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

// list asks the go command, so that the table is held against what is compiled.
func list(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}
