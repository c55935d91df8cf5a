package main

import (
	"context"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

// floor is the program without any isolation.
const floor = "plain process"

type plain struct{ program string }

func (p plain) once(ctx context.Context) (time.Duration, error) {
	port := rig.FreePort()
	began := time.Now()
	process, err := rig.StartProcess(p.program, port)
	if err != nil {
		return 0, err
	}
	defer process.Stop()
	err = rig.AwaitAnswer(ctx, "127.0.0.1:"+port)
	return time.Since(began), err
}

// peer is a container engine.
type peer struct{ *rig.Peer }

func (p peer) once(ctx context.Context) (time.Duration, error) {
	port := rig.FreePort()
	id := "slipway-cold-" + port
	began := time.Now()
	if err := p.Start(ctx, id, port); err != nil {
		return 0, err
	}
	err := rig.AwaitAnswer(ctx, "127.0.0.1:"+port)
	took := time.Since(began)
	if endErr := p.End(ctx, id); err == nil {
		err = endErr
	}
	return took, err
}
