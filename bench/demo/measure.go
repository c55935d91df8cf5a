package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A row of the table.
type row struct {
	example
	runtime string
	build   time.Duration
	cold    []time.Duration
	warm    []time.Duration
	failed  error
}

// measure calls every function that was deployed: cold once per round, when no
// instance of it is left, then warm on one kept connection.
func (d *demo) measure(ctx context.Context, s server, rows []row, w io.Writer) error {
	for i := range rows {
		if rows[i].failed == nil {
			rows[i].failed = s.API(ctx, "PUT", "/v1/functions/"+rows[i].name, `{"scaling":{"idle_timeout":"1s"}}`, new(any))
		}
	}
	for round := range d.rounds {
		for i := range rows {
			if rows[i].failed == nil {
				rows[i].failed = rows[i].coldCall(ctx, s)
			}
		}
		fmt.Fprintf(w, "  cold round %d of %d\n", round+1, d.rounds)
	}
	for i := range rows {
		for n := 0; n < d.calls && rows[i].failed == nil; n++ {
			took, _, err := s.call(ctx, rows[i].example)
			rows[i].warm, rows[i].failed = append(rows[i].warm, took), err
		}
	}
	return ctx.Err()
}

// coldCall waits until nothing of the function runs, then calls it.
func (r *row) coldCall(ctx context.Context, s server) error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		running, err := s.instances(ctx, r.name)
		if err != nil {
			return err
		}
		if running == 0 {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d instances did not stop after their idle timeout", running)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	took, cold, err := s.call(ctx, r.example)
	if err == nil && !cold {
		err = fmt.Errorf("the call was not cold")
	}
	r.cold = append(r.cold, took)
	return err
}

// call sends one event and checks the answer; took is until its last byte.
func (s server) call(ctx context.Context, ex example) (took time.Duration, cold bool, err error) {
	req, err := http.NewRequestWithContext(ctx, "POST", s.URL+"/fn/"+ex.name+"/", strings.NewReader(ex.body))
	if err != nil {
		return 0, false, err
	}
	began := time.Now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, false, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	took = time.Since(began)
	if err == nil && (res.StatusCode != http.StatusOK || !strings.Contains(string(body), ex.want)) {
		err = fmt.Errorf("answered %s: %.200s", res.Status, body)
	}
	return took, res.Header.Get("X-Slipway-Cold-Start") == "true", err
}

func median(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}
