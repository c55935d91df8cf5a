package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Egress is the gateway of one owner's sandboxes. Its methods may be called from
// several goroutines.
type Egress struct {
	cfg Config
	id  identity
	log *slog.Logger

	// mu is held for writing while Egress is set up, recovered or closed, and for
	// reading while links come and go.
	mu    sync.RWMutex
	host  *host // nil before the first Setup or Recover, and after Close
	ready *gateway
}

// gateway is what Setup decided.
type gateway struct {
	host      *host
	pool      *pool
	resolvers []netip.Addr
	mtu       int
	others    *watch
}

// New checks the configuration. It changes nothing on the machine.
func New(cfg Config, log *slog.Logger) (*Egress, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Egress{cfg: cfg, id: identify(cfg.Name), log: log}, nil
}

// Setup makes the machine ready for links: forwarding, the address pool, the
// nftables tables. What an owner of the same name left is removed first, as by
// Recover. A second Setup does nothing.
func (e *Egress) Setup(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ready != nil {
		return nil
	}
	if err := e.recover(ctx); err != nil {
		return err
	}
	g, err := e.prepare()
	if err != nil {
		return errors.Join(fmt.Errorf("set up egress: %w", err), e.clean())
	}
	e.ready = g
	e.log.Info("egress ready", "prefix", g.pool.ipv4, "ipv6", g.pool.ipv6, "resolvers", g.resolvers, "mtu", g.mtu)
	return nil
}

func (e *Egress) prepare() (*gateway, error) {
	ipv6, err := e.ipv6Prefix()
	if err != nil {
		return nil, err
	}
	g := &gateway{host: e.host, others: newWatch()}
	if g.resolvers, err = e.resolvers(ipv6.IsValid()); err != nil {
		return nil, err
	}
	if g.mtu, err = e.host.uplinkMTU(); err != nil {
		return nil, err
	}
	ipv4, err := e.host.reserveIPv4(e.id, e.cfg.IPv4, g.resolvers)
	if err != nil {
		return nil, err
	}
	if ipv6.IsValid() {
		if err := e.host.reserve(ipv6, e.id.metric, true); err != nil {
			return nil, err
		}
	}
	g.pool = newPool(e.id.linkPrefix, ipv4, ipv6)
	rules := policy{pools: []netip.Prefix{ipv4}, allow: e.cfg.Allow, resolvers: g.resolvers, connections: e.connections()}
	if ipv6.IsValid() {
		rules.pools = append(rules.pools, ipv6)
	}
	if err := e.install(rules); err != nil {
		return nil, err
	}
	return g, e.openWay(ipv6.IsValid())
}

// openWay makes the machine forward, now that the rules are in place.
func (e *Egress) openWay(ipv6 bool) error {
	var changed []string
	err := inNamespace(e.host.netns, func() (err error) {
		changed, err = enableForwarding(ipv6)
		return err
	})
	if len(changed) > 0 {
		e.log.Info("forwarding switched on", "settings", changed)
	}
	if err != nil {
		return err
	}
	return e.passOthers()
}

func (e *Egress) passOthers() error {
	changed, err := e.host.passOthers(e.cfg.Name, e.id.linkPrefix)
	if len(changed) > 0 {
		e.log.Info("rules inserted where forwarding is dropped by policy", "chains", changed)
	}
	return err
}

// install installs the rules. Few kernels cannot count connections; there they are not
// bounded unless somebody said how many there may be.
func (e *Egress) install(rules policy) error {
	err := e.host.install(e.cfg.Name, e.id.linkPrefix, rules)
	if !errors.Is(err, unix.ENOENT) || e.cfg.Connections > 0 {
		return err
	}
	rules.connections = 0
	if without := e.host.install(e.cfg.Name, e.id.linkPrefix, rules); without != nil {
		return err
	}
	e.log.Warn("one sandbox can fill the machine's table of connections: this kernel cannot count them (modprobe nft_connlimit)")
	return nil
}

const (
	maxConnections   = 1 << 24
	leastConnections = 1024
	connectionsShare = 32 // so many sandboxes together can fill the machine's table
	trackedMost      = "/proc/sys/net/netfilter/nf_conntrack_max"
	trackedDefault   = 1 << 18 // what the kernel takes on a machine with some GiB of memory
)

// connections is how many one sandbox may have.
func (e *Egress) connections() int {
	if e.cfg.Connections > 0 {
		return e.cfg.Connections
	}
	most, err := strconv.Atoi(setting(trackedMost))
	if err != nil { // nothing is tracked before there are rules
		most = trackedDefault
	}
	return max(most/connectionsShare, leastConnections)
}

// ipv6Prefix is the prefix for sandboxes, or the zero Prefix when they get no IPv6.
func (e *Egress) ipv6Prefix() (netip.Prefix, error) {
	if e.cfg.IPv6.IsValid() {
		return e.cfg.IPv6.Masked(), nil
	}
	defaults, err := e.host.defaultRoutes(familyOf(e.id.ipv6))
	if err != nil || len(defaults) == 0 {
		return netip.Prefix{}, err
	}
	return e.id.ipv6, nil
}

// resolvers are the configured ones or the machine's, without those of a family that
// sandboxes do not have.
func (e *Egress) resolvers(ipv6 bool) ([]netip.Addr, error) {
	all := e.cfg.DNS
	if len(all) == 0 {
		var err error
		if all, err = resolvers(resolverFiles()); err != nil {
			return nil, err
		}
	}
	var usable []netip.Addr
	for _, a := range all {
		if a = a.Unmap(); a.Is4() || ipv6 {
			usable = append(usable, a)
		}
	}
	if len(usable) == 0 {
		return nil, fmt.Errorf("the resolvers %v have IPv6 addresses only and sandboxes get no IPv6 here: configure DNS with an IPv4 address, or an IPv6 prefix for sandboxes", all)
	}
	return usable, nil
}

// Recover removes the links, the routes and the nftables rules that a dead owner of
// the same name left. After Setup it does nothing.
func (e *Egress) Recover(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ready != nil {
		return nil
	}
	return e.recover(ctx)
}

func (e *Egress) recover(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("recover egress: %w", err)
	}
	if e.host == nil {
		h, err := openHost(e.id)
		if err != nil {
			return fmt.Errorf("recover egress: %w", err)
		}
		e.host = h
	}
	return e.clean()
}

// Close removes every link and all that Setup made but the machine's forwarding.
func (e *Egress) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.host == nil {
		return nil
	}
	err := e.clean()
	e.host.close()
	e.host, e.ready = nil, nil
	return err
}

// clean removes by name. The tables go last: as long as there are links there are
// rules for them.
func (e *Egress) clean() error {
	names, err := e.host.linksNamed(e.id.linkPrefix)
	if err == nil {
		err = e.host.reaper.remove(names...)
	}
	err = errors.Join(err,
		e.host.releaseReservations(e.id.metric),
		e.host.leaveOthers(e.cfg.Name),
		e.host.uninstall(e.cfg.Name))
	if err != nil {
		return fmt.Errorf("remove the links and rules of %s: %w", e.cfg.Name, err)
	}
	if len(names) > 0 {
		e.log.Info("links removed", "count", len(names))
	}
	return nil
}
