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

// each does a thing n times, and gives what went wrong.
func each(n int, do func(i int) error) error {
	turns := make(chan int)
	errs := make([]error, atOnce)
	var workers sync.WaitGroup
	for w := range atOnce {
		workers.Go(func() {
			for i := range turns {
				errs[w] = errors.Join(errs[w], do(i))
			}
		})
	}
	for i := range n {
		turns <- i
	}
	close(turns)
	workers.Wait()
	return errors.Join(errs...)
}

// processes is the program without any isolation.
type processes struct {
	program string
	running []*rig.Process
}

func (p *processes) start(ctx context.Context, n int) (time.Duration, error) {
	ports := freePorts(n)
	p.running = make([]*rig.Process, n)
	began := time.Now()
	err := each(n, func(i int) error {
		process, err := rig.StartProcess(p.program, ports[i])
		if err != nil {
			return err
		}
		p.running[i] = process
		return rig.AwaitAnswer(ctx, "127.0.0.1:"+ports[i])
	})
	return time.Since(began), err
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

func (c *containers) start(ctx context.Context, n int) (time.Duration, error) {
	ports := freePorts(n)
	began := time.Now()
	err := each(n, func(i int) error {
		id := "slipway-density-" + ports[i]
		c.mu.Lock()
		c.running = append(c.running, id)
		c.mu.Unlock()
		if err := c.peer.Start(ctx, id, ports[i]); err != nil {
			return err
		}
		return rig.AwaitAnswer(ctx, "127.0.0.1:"+ports[i])
	})
	return time.Since(began), err
}

func (c *containers) stop() error {
	running := c.running
	c.running = nil
	return each(len(running), func(i int) error { return c.peer.End(context.Background(), running[i]) })
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
