package main

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// submission is jobs that run.
type submission struct {
	id    string
	began time.Time
}

// job is what the server says of an array.
type job struct {
	ID     string
	Status string
	Reason string `json:"status_reason"`
	Array  struct{ Counts map[string]int }
}

// submit gives a queue one job per processor, and returns when all run.
func (b *bench) submit(ctx context.Context, queue string) (submission, error) {
	var made job
	body := fmt.Sprintf(`{"queue":%q,"definition":"burn","array":{"size":%d}}`, queue, max(2, runtime.NumCPU()))
	if err := b.server.API(ctx, "POST", "/v1/jobs", body, &made); err != nil {
		return submission{}, err
	}
	s := submission{id: made.ID}
	err := b.until(ctx, made.ID, func(j job) bool { return j.Array.Counts["RUNNING"] == max(2, runtime.NumCPU()) || ended(j) })
	s.began = time.Now()
	return s, err
}

// await returns when the jobs have ended, and notes how long they took.
func (b *bench) await(ctx context.Context, s submission, r *row) error {
	err := b.until(ctx, s.id, ended)
	r.jobs = append(r.jobs, time.Since(s.began))
	return err
}

func ended(j job) bool { return j.Status == "SUCCEEDED" || j.Status == "FAILED" }

// until asks for a job until it is as wanted. One that failed is an error.
func (b *bench) until(ctx context.Context, id string, wanted func(job) bool) error {
	for {
		var j job
		if err := b.server.API(ctx, "GET", "/v1/jobs/"+id, "", &j); err != nil {
			return err
		}
		switch {
		case j.Status == "FAILED":
			return fmt.Errorf("job %s failed: %s", id, j.Reason)
		case wanted(j):
			return nil
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
