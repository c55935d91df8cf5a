package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// machine is a virtual one.
type machine struct {
	kernel, initramfs, disk string // files
	memoryMB                int
	accelerator             string // tcg or kvm
	timeout                 time.Duration
}

// resultPrefix begins the line that says how it went; passed is the rest when all is
// well. The init says the same.
const (
	resultPrefix = "slipway-vm: "
	passed       = "passed"
)

// boot runs the machine until it turns itself off, and shows its console.
func (m machine) boot(ctx context.Context, console io.Writer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, m.timeout, fmt.Errorf("the machine was not done after %v", m.timeout))
	defer cancel()
	qemu := exec.CommandContext(ctx, "qemu-system-x86_64", m.options()...)
	qemu.Stderr = os.Stderr
	out, err := qemu.StdoutPipe()
	if err != nil {
		return err
	}
	if err := qemu.Start(); err != nil {
		return err
	}
	result, readErr := follow(out, console)
	if err := qemu.Wait(); ctx.Err() != nil {
		return context.Cause(ctx)
	} else if err != nil {
		return fmt.Errorf("qemu: %w", err)
	}
	return verdict(result, readErr)
}

func (m machine) options() []string {
	return []string{
		"-machine", "q35", "-accel", m.accelerator, "-cpu", "Westmere,+rdrand", "-smp", "2", "-m", fmt.Sprint(m.memoryMB),
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio",
		"-kernel", m.kernel, "-initrd", m.initramfs,
		"-append", "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on",
		"-drive", "file=" + m.disk + ",format=raw,if=virtio,cache=unsafe",
	}
}

// follow copies the lines of the console and gives the last result among them.
func follow(from io.Reader, to io.Writer) (result string, err error) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		line = strings.TrimRight(line, "\r\n")
		if rest, ok := strings.CutPrefix(line, resultPrefix); ok {
			result = rest
		}
		if errors.Is(err, io.EOF) {
			return result, nil
		}
		if err != nil {
			return result, err
		}
		fmt.Fprintln(to, line)
	}
}

func verdict(result string, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("read the console: %w", err)
	case result == "":
		return errors.New("the machine went off without a result")
	case result != passed:
		return errors.New(result)
	}
	return nil
}
