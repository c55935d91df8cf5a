package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway/internal/bus"
	"github.com/slipway-run/slipway/internal/cgroup"
	"github.com/slipway-run/slipway/internal/network"
	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/invoker"
	"github.com/slipway-run/slipway/invoker/jobs"
	"github.com/slipway-run/slipway/packager"
	"github.com/slipway-run/slipway/pool"
	"github.com/slipway-run/slipway/sdk"
)

// startsPerVCPU is how many instances a vCPU starts per second and not more, and how many
// at once: about twice what it gets done when it does nothing else, so that only a herd
// is held back.
const startsPerVCPU = 256

// startInvoker starts what owns this machine's sandboxes, from the network up. What a
// server that was killed left behind is removed first.
func (s *server) startInvoker(ctx context.Context) error {
	for _, l := range s.here.lacks() {
		s.log.Warn("this server does less than one of root", "what", l.what, "mend", l.mend)
	}
	egress, err := s.startNetwork(ctx)
	if err != nil {
		return err
	}
	native, err := s.startSandboxes(ctx, egress)
	if err != nil {
		return err
	}
	launcher := measured{launchers{native: native, oci: native.OCI(s.runtimes)}, &s.sandboxes}
	packer, err := packager.New(packager.Config{
		CacheDir:    s.cache,
		PythonBase:  s.pythonBase,
		NodeBase:    s.nodeBase,
		Suite:       s.suite,
		Python:      sdk.Python,
		Node:        sdk.Node,
		MaxUnpacked: s.maxUnpackedMB << 20,
	}, s.images, launcher, s.log)
	if err != nil {
		return err
	}

	logs := s.bus.LogWriter(ctx)
	cfg := invoker.Config{
		ID: s.id, Host: hostName(), Build: release, CPU: vcpus(),
		StartTimeout: s.startTimeout, ShutdownTimeout: s.shutdown, Refresh: s.refresh,
	}
	cfg.MemoryMB, err = s.instanceMemory()
	if err != nil {
		return err
	}
	starter := invoker.NewStarter(cfg, launcher, s.images, logs, s.log)
	starts := startsPerVCPU * int(math.Ceil(cfg.CPU))
	instances := pool.New(pool.Config{
		MemoryMB: cfg.MemoryMB, Reserve: s.reserved(), Pressure: cgroup.MemoryShortage, StartRate: starts, StartBurst: starts,
		FreezeAfter: s.freezeAfter, ReclaimAfter: s.reclaimAfter,
	}, starter, s.log)
	s.run("pool", instances.Run, s.failed)
	runner := jobs.New(s.jobConfig(cfg), s.bus, launcher, s.images, s.archives(), leftovers{instances, starter}, logs, s.log)
	inv := invoker.New(cfg, instances, starter, packer, s.images, runner, s.bus, s.log)
	s.run("invoker", inv.Run, s.failed)
	s.run("jobs", runner.Run, s.failed) // stops first, while functions still answer
	return errors.Join(s.await(runner.Ready()), s.await(inv.Ready()))
}

// reserved is the pool's Reserve, for which 0 is the default.
func (s *server) reserved() float64 {
	if s.reserve <= 0 {
		return -1
	}
	return min(s.reserve, 1)
}

// jobConfig is what the runner of jobs is told: the machine is the same one.
func (s *server) jobConfig(c invoker.Config) jobs.Config {
	return jobs.Config{
		ID: c.ID, Dir: s.dir.join("jobs"), CPU: c.CPU, MemoryMB: c.MemoryMB,
		OpenFiles: invoker.OpenFiles(), ShutdownTimeout: s.shutdown / 2, ShrinkAfter: s.reclaimAfter,
	}
}

// archives are what jobs get and leave. In a cluster what one leaves is for all machines.
func (s *server) archives() jobs.Archives {
	if s.nats == "" {
		return s.images
	}
	return shared{s.images, s.bus.Blobs()}
}

// shared keeps what jobs leave with the cluster's blobs.
type shared struct {
	*packager.Store
	blobs *bus.Blobs
}

// Put implements jobs.Archives.
func (a shared) Put(ctx context.Context, digest string, size int64, r io.Reader) error {
	return a.blobs.Put(ctx, digest, size, r)
}

// leftovers is what functions leave of the machine to jobs.
type leftovers struct {
	*pool.Pool
	starter *invoker.Starter
}

// Used implements jobs.Leftovers.
func (l leftovers) Used() float64 { return l.starter.Used() }

func (s *server) startNetwork(ctx context.Context) (*network.Egress, error) {
	if !s.network || s.here != nil {
		return nil, nil
	}
	allow, err := s.allowed()
	if err != nil {
		return nil, err
	}
	dns, err := s.resolvers()
	if err != nil {
		return nil, err
	}
	egress, err := network.New(network.Config{Name: s.dir.owned(), Allow: allow, DNS: dns, Connections: s.connections}, s.log)
	if err != nil {
		return nil, err
	}
	if err := egress.Recover(ctx); err != nil {
		return nil, err
	}
	if err := egress.Setup(ctx); err != nil {
		return nil, fmt.Errorf("%w; 'slipway doctor' says what is missing, --egress=false does without", err)
	}
	s.add("network", func(context.Context) error { return egress.Close() })
	return egress, nil
}

func (s *server) startSandboxes(ctx context.Context, egress *network.Egress) (*sandbox.Native, error) {
	cfg := sandbox.Config{Dir: s.dir.join("sandboxes"), Name: s.dir.owned(), Shells: s.shells, Scratch: s.scratch, Rootless: s.here.rootless()}
	if egress != nil {
		cfg.Egress = attach(egress)
	}
	launcher, err := sandbox.New(cfg, s.log)
	if err != nil {
		return nil, err
	}
	if err := launcher.Recover(ctx); err != nil {
		return nil, err
	}
	s.add("sandboxes", func(context.Context) error { return launcher.Close() })
	return launcher, nil
}

// attach is the network as sandboxes see it.
func attach(egress *network.Egress) sandbox.EgressFunc {
	return func(ctx context.Context, id string, netns int) (sandbox.Link, error) {
		link, err := egress.Attach(ctx, id, netns)
		if err != nil {
			return nil, err // and not a nil *network.Link, which is no nil Link
		}
		return link, nil
	}
}

// instanceMemory is what may be promised to instances, in MiB: what was said, else
// three quarters of the machine's memory.
func (s *server) instanceMemory() (int, error) {
	if s.memoryMB > 0 {
		return s.memoryMB, nil
	}
	doc, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(doc)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemTotal:" {
			kib, err := strconv.Atoi(fields[1])
			return kib / 1024 * 3 / 4, err
		}
	}
	return 0, fmt.Errorf("read /proc/meminfo: MemTotal is missing; say --memory-mb")
}
