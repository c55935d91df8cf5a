package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

// atOnce is how many starts, or ends, are under way at a time.
const atOnce = 8

// inTurns does a thing n times, some at once, and gives how long that took and what went
// wrong.
func inTurns(n, atOnce int, do func(i int) error) (burst, error) {
	turns := make(chan int)
	b, errs := burst{each: make([]time.Duration, n)}, make([]error, n)
	var workers sync.WaitGroup
	began := time.Now()
	for range atOnce {
		workers.Go(func() {
			for i := range turns {
				asked := time.Now()
				errs[i] = do(i)
				b.each[i] = time.Since(asked)
			}
		})
	}
	for i := range n {
		turns <- i
	}
	close(turns)
	workers.Wait()
	b.all = time.Since(began)
	return b, errors.Join(errs...)
}

// processes is the program without any isolation.
type processes struct {
	program string
	running []*rig.Process
}

func (p *processes) start(ctx context.Context, n int) (burst, error) {
	ports := freePorts(n)
	p.running = make([]*rig.Process, n)
	return inTurns(n, atOnce, func(i int) error {
		process, err := rig.StartProcess(p.program, ports[i])
		if err != nil {
			return err
		}
		p.running[i] = process
		return rig.AwaitAnswer(ctx, "127.0.0.1:"+ports[i])
	})
}

func (p *processes) stop() error {
	for _, process := range p.running {
		if process != nil {
			process.Stop()
		}
	}
	p.running = nil
	return nil
}

// containers is a container engine.
type containers struct {
	peer    *rig.Peer
	mu      sync.Mutex
	running []string
}

func (c *containers) start(ctx context.Context, n int) (burst, error) {
	ports := freePorts(n)
	return inTurns(n, atOnce, func(i int) error {
		id := "slipway-density-" + ports[i]
		c.mu.Lock()
		c.running = append(c.running, id)
		c.mu.Unlock()
		if err := c.peer.Start(ctx, id, ports[i]); err != nil {
			return err
		}
		return rig.AwaitAnswer(ctx, "127.0.0.1:"+ports[i])
	})
}

func (c *containers) stop() error {
	running := c.running
	c.running = nil
	_, err := inTurns(len(running), atOnce, func(i int) error { return c.peer.End(context.Background(), running[i]) })
	return err
}

// freePorts are n different ones.
func freePorts(n int) []string {
	seen := map[string]bool{}
	var ports []string
	for len(ports) < n {
		if port := rig.FreePort(); !seen[port] {
			seen[port] = true
			ports = append(ports, port)
		}
	}
	return ports
}
