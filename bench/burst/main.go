package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

type bench struct {
	binary  string
	program string
	rounds  int
	alone   time.Duration // how long the bursts without jobs are measured
	burst   time.Duration // and the pause after it
	work    time.Duration // of a request
	job     time.Duration // processor time of a job

	server *rig.Server
}

func main() {
	var b bench
	flag.StringVar(&b.binary, "slipway", "bin/slipway", "the slipway binary")
	flag.StringVar(&b.program, "program", "bench/burst/program", "folder of the Go program that is the function and the job")
	flag.IntVar(&b.rounds, "rounds", 3, "how often everything is measured")
	flag.DurationVar(&b.alone, "alone", 8*time.Second, "how long the bursts without jobs are measured")
	flag.DurationVar(&b.burst, "burst", time.Second, "of a burst, and of the pause after it")
	flag.DurationVar(&b.work, "work", 3*time.Millisecond, "processor time of a request")
	flag.DurationVar(&b.job, "job", 4*time.Second, "processor time of a job")
	flag.Parse()
	rig.Main(b.run)
}

func (b *bench) run(ctx context.Context, w io.Writer) (err error) {
	if b.server, err = rig.Start(ctx, b.binary); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.server.Stop()) }()
	if err := b.prepare(ctx); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d rounds; %d clients in bursts of %s, a request uses %s; %d jobs of %s\n",
		b.rounds, runtime.NumCPU(), b.burst, b.work, runtime.NumCPU(), b.job)
	table := []*row{{name: "requests alone"}, {name: "jobs alone"}, {name: "beside jobs, never"}, {name: "beside jobs, freeze"}}
	for range b.rounds {
		for i, measure := range []func(context.Context, *row) error{
			b.requestsAlone, b.jobsAlone, b.beside("never"), b.beside("freeze"),
		} {
			if err := measure(ctx, table[i]); err != nil {
				return fmt.Errorf("%s: %w", table[i].name, err)
			}
		}
	}
	report(w, table)
	return nil
}

// prepare makes the function, its instances, and a queue for each kind of jobs.
func (b *bench) prepare(ctx context.Context) error {
	dir, remove, err := rig.Folder("burst")
	defer remove()
	if err != nil {
		return err
	}
	program, err := rig.Compile(ctx, b.program, dir)
	if err != nil {
		return err
	}
	n := runtime.NumCPU()
	config := fmt.Sprintf(`{"memory_mb":64,"cpu":1,"network":"none","scaling":{"concurrency":1,"min":%d,"max":%d}}`, n, n)
	if err := b.server.API(ctx, "PUT", "/v1/functions/burst", config, new(any)); err != nil {
		return err
	}
	if said, err := b.server.Command(ctx, "deploy", filepath.Dir(program), "--name", "burst"); err != nil {
		return fmt.Errorf("deploy: %w: %s", err, said)
	}
	definition := fmt.Sprintf(`{"image":"burst","arguments":["burn","%s"],"cpu":1,"memory_mb":64,"network":"none"}`, b.job)
	if err := b.server.API(ctx, "PUT", "/v1/job-definitions/burn", definition, new(any)); err != nil {
		return err
	}
	for _, preemption := range []string{"never", "freeze"} {
		if err := b.server.API(ctx, "PUT", "/v1/queues/"+preemption, fmt.Sprintf(`{"preemption":%q}`, preemption), new(any)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) requestsAlone(ctx context.Context, r *row) error {
	done := make(chan struct{})
	time.AfterFunc(b.alone, func() { close(done) })
	took, err := b.bursts(ctx, done)
	r.requests = append(r.requests, took...)
	return err
}

func (b *bench) jobsAlone(ctx context.Context, r *row) error {
	job, err := b.submit(ctx, "freeze")
	if err != nil {
		return err
	}
	return b.await(ctx, job, r)
}

// beside sends bursts from the moment at which all jobs run until the last has ended.
func (b *bench) beside(queue string) func(context.Context, *row) error {
	return func(ctx context.Context, r *row) error {
		job, err := b.submit(ctx, queue)
		if err != nil {
			return err
		}
		done, sent := make(chan struct{}), make(chan error, 1)
		go func() {
			took, err := b.bursts(ctx, done)
			r.requests = append(r.requests, took...)
			sent <- err
		}()
		err = b.await(ctx, job, r)
		close(done)
		return errors.Join(err, <-sent)
	}
}
