package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// settleFor is how long the machine is given before its memory is looked at.
const settleFor = 2 * time.Second

// measure has the fleet run once.
func (c *contender) measure(ctx context.Context, n int, program string) error {
	free, err := available(ctx)
	if err != nil {
		return err
	}
	b, err := c.fleet.start(ctx, n)
	if err != nil {
		return errors.Join(err, c.fleet.stop())
	}
	left, err := available(ctx)
	if err != nil {
		return errors.Join(err, c.fleet.stop())
	}
	own, count := proportional(filepath.Base(program))
	if err := c.fleet.stop(); err != nil {
		return err
	}
	if count < n {
		return fmt.Errorf("%d processes of the program were found and %d expected", count, n)
	}
	c.took, c.each = append(c.took, b.all), append(c.each, b.each...)
	c.own = append(c.own, own/int64(n))
	c.rest = append(c.rest, (free-left-own)/int64(n))
	return nil
}

// available is the memory that programs could still get, in bytes, when the machine has
// come to rest and its caches are dropped.
func available(ctx context.Context) (int64, error) {
	select {
	case <-time.After(settleFor):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		return 0, err
	}
	doc, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	return field(doc, "MemAvailable:")
}

// field reads a line such as "Pss:  12 kB", in bytes.
func field(doc []byte, name string) (int64, error) {
	for lines := bufio.NewScanner(bytes.NewReader(doc)); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) > 1 && words[0] == name {
			kib, err := strconv.ParseInt(words[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("%s is missing", name)
}

// proportional sums the memory of all processes of that name.
func proportional(name string) (sum int64, count int) {
	names, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, file := range names {
		comm, err := os.ReadFile(file)
		if err != nil || string(bytes.TrimSpace(comm)) != name {
			continue
		}
		doc, err := os.ReadFile(filepath.Join(filepath.Dir(file), "smaps_rollup"))
		if err != nil {
			continue
		}
		if pss, err := field(doc, "Pss:"); err == nil {
			sum += pss
			count++
		}
	}
	return sum, count
}
