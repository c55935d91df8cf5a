// Command init is the first process of the virtual machine of command vm. It loads the
// modules it was given, makes the disk its root, runs what is on the list there, prints
// the result as the last line on the console, and turns the machine off.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// runner is the name under which the first process starts itself again, to run the
// list: the first process has orphans to wait for.
const runner = "run"

func main() {
	if os.Args[0] == runner {
		report(runList("/test/list"))
		return
	}
	err := setUp()
	if err == nil {
		err = runAgain()
	}
	if err != nil {
		report(err)
	}
	syscall.Sync()
	if err := syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("turn the machine off:", err) // returning makes the kernel panic, which ends it too
	}
}

// report prints the result, on a line of its own.
func report(err error) {
	if err != nil {
		fmt.Printf("\nslipway-vm: %v\n", err)
		return
	}
	fmt.Printf("\nslipway-vm: passed\n")
}

// runAgain starts the runner and waits for it, and meanwhile for every process whose
// parent has ended.
func runAgain() error {
	self, err := syscall.ForkExec("/sbin-init", []string{runner}, &syscall.ProcAttr{
		Env:   []string{"PATH=/test:/bin", "HOME=/root", "CI=true"},
		Files: []uintptr{0, 1, 2},
	})
	if err != nil {
		return fmt.Errorf("start the runner: %w", err)
	}
	for {
		pid, err := syscall.Wait4(-1, nil, 0, nil)
		if err != nil && err != syscall.EINTR {
			return fmt.Errorf("wait for the runner: %w", err)
		}
		if pid == self {
			return nil
		}
	}
}

// runList runs the programs one after the other, until one fails.
func runList(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var programs []struct {
		Name string
		Args []string
		Env  []string
	}
	if err := json.Unmarshal(text, &programs); err != nil {
		return err
	}
	for _, p := range programs {
		fmt.Printf("==== %s\n", p.Name)
		start := time.Now()
		c := exec.Command(p.Args[0], p.Args[1:]...)
		c.Env = append(os.Environ(), p.Env...)
		c.Dir = "/tmp"
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if err := c.Run(); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		fmt.Printf("==== %s: %.1f s\n", p.Name, time.Since(start).Seconds())
	}
	return nil
}
