package pool

import (
	"context"
	"log/slog"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

// iceTimeout is how long a freeze, a thaw or a reclaim may take.
const iceTimeout = 10 * time.Second

func (p *Pool) freeze(m *ledger.Member) {
	_, err := p.ice(m, "freeze", func(ctx context.Context, i slipway.Instance) (int64, error) { return 0, i.Freeze(ctx) })
	p.tell(func(now time.Time) { p.ledger.Froze(m, err, now) })
}

func (p *Pool) reclaim(m *ledger.Member) {
	bytes, err := p.ice(m, "reclaim", func(ctx context.Context, i slipway.Instance) (int64, error) { return i.Reclaim(ctx) })
	p.tell(func(now time.Time) { p.ledger.Reclaimed(m, bytes, err, now) })
}

func (p *Pool) thaw(m *ledger.Member) {
	_, err := p.ice(m, "thaw", func(ctx context.Context, i slipway.Instance) (int64, error) { return 0, i.Thaw(ctx) })
	p.tell(func(now time.Time) { p.ledger.Thawed(m, err, now) })
}

// ice does one of the three; what goes wrong is said here, for the ledger does without.
func (p *Pool) ice(m *ledger.Member, act string, do func(context.Context, slipway.Instance) (int64, error)) (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), iceTimeout)
	defer cancel()
	r := m.Instance().(*running)
	bytes, err := do(ctx, r.Instance)
	if err != nil {
		spec := m.Spec()
		level := slog.LevelDebug // it runs on
		if act == "thaw" {
			level = slog.LevelWarn // and is replaced
		}
		p.log.Log(ctx, level, "instance does not do as it is told", "act", act, "tenant", spec.Tenant, "function", spec.Function,
			"version", spec.Version, "instance", r.ID(), "err", err)
	}
	return bytes, err
}
