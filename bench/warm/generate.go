package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// generate is the load of a machine without wrk.
func generate(ctx context.Context, address string, c int, d time.Duration) (sample, error) {
	to, err := url.Parse(address)
	if err != nil {
		return sample{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	began := time.Now()
	each := make([][]time.Duration, c)
	failed := make([]int, c)
	var all sync.WaitGroup
	for i := range c {
		all.Go(func() {
			for ctx.Err() == nil {
				var broken error
				if each[i], broken = drive(ctx, to, each[i]); broken != nil {
					failed[i]++
				}
			}
		})
	}
	all.Wait()
	return summarise(slices.Concat(each...), failed, time.Since(began)), nil
}

// drive sends over one connection until ctx ends or something goes wrong, and appends
// the time that each answer took.
func drive(ctx context.Context, to *url.URL, took []time.Duration) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", to.Host)
	if err != nil {
		return took, err
	}
	defer conn.Close()
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", to.RequestURI(), to.Host)
	r := bufio.NewReader(conn)
	for ctx.Err() == nil {
		began := time.Now()
		if _, err := conn.Write(request); err != nil {
			return took, err
		}
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return took, err
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return took, err
		}
		if res.StatusCode != http.StatusOK {
			return took, fmt.Errorf("answered %s", res.Status)
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

func summarise(took []time.Duration, failed []int, over time.Duration) sample {
	s := sample{requests: len(took), rate: float64(len(took)) / over.Seconds()}
	for _, n := range failed {
		s.errors += n
	}
	if len(took) > 0 {
		slices.Sort(took)
		s.p50, s.p99 = took[len(took)/2], took[len(took)*99/100]
	}
	return s
}
