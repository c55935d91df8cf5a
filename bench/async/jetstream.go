package main

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// rawStream is JetStream without anything around it.
type rawStream struct {
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
}

const subject = "bench.events"

func startJetStream(dir string) (*rawStream, error) {
	s, err := server.NewServer(&server.Options{
		ServerName: "bench", DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: dir, SyncAlways: true,
	})
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(time.Minute) {
		return nil, errors.New("the embedded NATS server does not start")
	}
	r := &rawStream{server: s}
	if r.conn, err = nats.Connect("", nats.InProcessServer(s)); err != nil {
		return nil, err
	}
	if r.js, err = jetstream.New(r.conn); err != nil {
		return nil, err
	}
	_, err = r.js.CreateStream(context.Background(), jetstream.StreamConfig{
		Name: "BENCH", Subjects: []string{subject}, Storage: jetstream.FileStorage,
	})
	return r, err
}

func (r *rawStream) stop() {
	r.conn.Close()
	r.server.Shutdown()
	r.server.WaitForShutdown()
}

// oneByOne has publishers that each wait for their message to be stored.
func (r *rawStream) oneByOne(ctx context.Context, clients int, d time.Duration) (sample, error) {
	return measure(ctx, clients, d, func(context.Context, int) (func() error, func(), error) {
		return func() error {
			_, err := r.js.Publish(context.Background(), subject, []byte(event))
			return err
		}, func() {}, nil
	})
}

// pipelined has one publisher with so many messages on their way.
func (r *rawStream) pipelined(ctx context.Context, ahead int, d time.Duration) (sample, error) {
	return measure(ctx, 1, d, func(context.Context, int) (func() error, func(), error) {
		waiting := make(chan jetstream.PubAckFuture, ahead)
		settle := func() error {
			f := <-waiting
			select {
			case <-f.Ok():
				return nil
			case err := <-f.Err():
				return err
			}
		}
		do := func() error {
			if len(waiting) == ahead {
				if err := settle(); err != nil {
					return err
				}
			}
			f, err := r.js.PublishAsync(subject, []byte(event))
			if err == nil {
				waiting <- f
			}
			return err
		}
		return do, func() {
			for len(waiting) > 0 && settle() == nil {
			}
		}, nil
	})
}
