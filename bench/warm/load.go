package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// sample is what one measurement found.
type sample struct {
	p50, p99 time.Duration
	rate     float64 // answers a second
	requests int
	errors   int
	cpu      time.Duration // of the serving processes, for one request
}

// generator sends requests over c kept connections, each as fast as it is answered.
type generator struct {
	name string
	load func(ctx context.Context, url string, c int, d time.Duration) (sample, error)
}

func (b *bench) generator() generator {
	if _, err := exec.LookPath("wrk"); err != nil {
		b.missing = append(b.missing, "wrk")
		return generator{"the program's own generator", generate}
	}
	return generator{"wrk", wrk}
}

func wrk(ctx context.Context, url string, c int, d time.Duration) (sample, error) {
	seconds := strconv.Itoa(max(1, int(d.Seconds())))
	cmd := exec.CommandContext(ctx, "wrk", "--latency", "-t", strconv.Itoa(min(c, 2)), "-c", strconv.Itoa(c), "-d", seconds+"s", url)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	return parseWrk(string(out))
}

var (
	wrkP50      = regexp.MustCompile(`(?m)^\s+50%\s+(\S+)$`)
	wrkP99      = regexp.MustCompile(`(?m)^\s+99%\s+(\S+)$`)
	wrkRate     = regexp.MustCompile(`(?m)^Requests/sec:\s+(\S+)$`)
	wrkRequests = regexp.MustCompile(`(?m)^\s+(\d+) requests in`)
	wrkBad      = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	wrkSocket   = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
)

func parseWrk(out string) (s sample, err error) {
	field := func(re *regexp.Regexp) string {
		m := re.FindStringSubmatch(out)
		if m == nil {
			err = fmt.Errorf("wrk says what is not understood: %s", out)
			return "0"
		}
		return m[1]
	}
	s.p50, _ = time.ParseDuration(field(wrkP50))
	s.p99, _ = time.ParseDuration(field(wrkP99))
	s.rate, _ = strconv.ParseFloat(field(wrkRate), 64)
	s.requests, _ = strconv.Atoi(field(wrkRequests))
	for _, re := range []*regexp.Regexp{wrkBad, wrkSocket} {
		if m := re.FindStringSubmatch(out); m != nil {
			for _, count := range m[1:] {
				n, _ := strconv.Atoi(count)
				s.errors += n
			}
		}
	}
	return s, err
}
