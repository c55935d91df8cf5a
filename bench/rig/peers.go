package rig

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
)

// Peer is a container engine of this machine, used by its command line.
type Peer struct {
	Name string

	run    func(id, port string) ([]string, error) // the command that starts the program in the background
	end    func(id string) []string
	pause  func(id string) []string
	resume func(id string) []string
	remove func()
}

// Start starts the program in the background as the container id, listening on a port
// of the host.
func (p *Peer) Start(ctx context.Context, id, port string) error {
	command, err := p.run(id, port)
	if err != nil {
		return err
	}
	return Quietly(ctx, command...)
}

// End removes the container.
func (p *Peer) End(ctx context.Context, id string) error {
	return Quietly(context.WithoutCancel(ctx), p.end(id)...)
}

// Pause takes the processor from the container until Resume.
func (p *Peer) Pause(ctx context.Context, id string) error { return Quietly(ctx, p.pause(id)...) }

// Resume lets it go on.
func (p *Peer) Resume(ctx context.Context, id string) error { return Quietly(ctx, p.resume(id)...) }

// Remove takes back what the peer was prepared with.
func (p *Peer) Remove() { p.remove() }

// try sees whether the peer works.
func (p *Peer) try(ctx context.Context) error {
	port := FreePort()
	id := "slipway-bench-" + port
	err := p.Start(ctx, id, port)
	if err == nil {
		err = AwaitAnswer(ctx, "127.0.0.1:"+port)
	}
	if endErr := p.End(ctx, id); err == nil {
		err = endErr
	}
	return err
}

// Peers are the engines that are installed and work, and what is missing of the others.
// program is the path of a static one named bootstrap; dir is for the peers' own files.
func Peers(ctx context.Context, program, dir string) (peers []*Peer, missing []string) {
	for _, prepare := range []func(context.Context, string, string) (*Peer, error){newRunc, newPodman, newDocker} {
		if p, err := prepare(ctx, program, dir); err != nil {
			missing = append(missing, err.Error())
		} else {
			peers = append(peers, p)
		}
	}
	return peers, missing
}

// Quietly runs a command. What it says goes to a file, because a program that goes on
// in the background would keep a pipe open.
func Quietly(ctx context.Context, args ...string) error {
	said, err := os.CreateTemp("", "slipway-bench-said-")
	if err != nil {
		return err
	}
	defer os.Remove(said.Name())
	defer said.Close()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(said.Name())
		return fmt.Errorf("%s: %w: %s", args[0], err, bytes.TrimSpace(text))
	}
	return nil
}
