package rig

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/slipway-run/slipway/internal/network"
	"github.com/slipway-run/slipway/internal/sandbox"
)

// NewEgress opens the network for sandboxes of this process. stop takes that back; it
// is never nil.
func NewEgress(ctx context.Context, owner string) (egress *network.Egress, stop func(), err error) {
	stop = func() {}
	if egress, err = network.New(network.Config{Name: owner}, slog.New(slog.DiscardHandler)); err != nil {
		return nil, stop, err
	}
	if err := egress.Setup(ctx); err != nil {
		return nil, stop, err
	}
	return egress, func() { complain(egress.Close()) }, nil
}

// NewNative is Slipway's native runtime without a server around it. stop ends it and
// what runs in it; it is never nil. main must call [sandbox.Init] first.
func NewNative(ctx context.Context, cfg sandbox.Config, egress *network.Egress) (native *sandbox.Native, stop func(), err error) {
	stop = func() {}
	cfg.Egress = sandbox.EgressFunc(func(ctx context.Context, id string, netns int) (sandbox.Link, error) {
		link, err := egress.Attach(ctx, id, netns)
		if err != nil {
			return nil, err // and not a nil *network.Link, which is no nil Link
		}
		return link, nil
	})
	if native, err = sandbox.New(cfg, slog.New(slog.DiscardHandler)); err != nil {
		return nil, stop, err
	}
	return native, func() { complain(native.Close()) }, native.Recover(ctx)
}

// complain says what could not be taken back: the measuring is over by then.
func complain(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}
