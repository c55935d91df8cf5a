// Command client calls go-grpc in every way there is, and says what is not as it should be.
//
//	client 127.0.0.1:8080 greeter.localhost
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"example.com/go-grpc/greeter"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: client ADDRESS AUTHORITY")
	}
	conn, err := grpc.NewClient("passthrough:///"+os.Args[1], grpc.WithAuthority(os.Args[2]), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := client{conn}
	failed := false
	for _, one := range []struct {
		name string
		try  func(context.Context) error
	}{
		{"one message each way", c.unary},
		{"an error with a trailer", c.refused},
		{"a deadline", c.deadline},
		{"a call given up", c.givenUp},
		{"the server streams", c.serverStream},
		{"the client streams", c.clientStream},
		{"both stream", c.bothStream},
		{"3 MiB both ways", c.large},
		{"100 streams at once", c.many},
		{"a function that does not exist", c.missing},
	} {
		if err := one.try(ctx); err != nil {
			failed = true
			fmt.Printf("%s: %v\n", one.name, err)
			continue
		}
		fmt.Printf("%s: ok\n", one.name)
	}
	if failed {
		os.Exit(1)
	}
}

type client struct{ conn *grpc.ClientConn }

func (c client) call(ctx context.Context, method, name string, opts ...grpc.CallOption) (string, error) {
	out := new(wrapperspb.StringValue)
	err := c.conn.Invoke(ctx, method, wrapperspb.String(name), out, opts...)
	return out.Value, err
}

func want(got, wanted string, err error) error {
	if err == nil && got != wanted {
		err = fmt.Errorf("got %.100q, want %.100q", got, wanted)
	}
	return err
}

func wantCode(err error, code codes.Code, message string) error {
	if s := status.Convert(err); s.Code() != code || !strings.Contains(s.Message(), message) {
		return fmt.Errorf("got %v, want %s with %q", err, code, message)
	}
	return nil
}

func (c client) unary(ctx context.Context) error {
	got, err := c.call(ctx, greeter.Hello, "Ada")
	return want(got, "Hello, Ada!", err)
}

func (c client) refused(ctx context.Context) error {
	var trailer metadata.MD
	_, err := c.call(ctx, greeter.Hello, "", grpc.Trailer(&trailer))
	if len(trailer["greeted"]) != 1 {
		return fmt.Errorf("the trailer is %v", trailer)
	}
	return wantCode(err, codes.InvalidArgument, "100 % nobody")
}

func (c client) deadline(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	_, err := c.call(short, greeter.Wait, "")
	if err := wantCode(err, codes.DeadlineExceeded, ""); err != nil {
		return err
	}
	return c.gone(ctx, "with a deadline: true")
}

// givenUp goes away when the call has most likely arrived; when not, it is not even begun.
func (c client) givenUp(ctx context.Context) error {
	short, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer time.AfterFunc(200*time.Millisecond, cancel).Stop()
	_, err := c.call(short, greeter.Wait, "")
	if err := wantCode(err, codes.Canceled, ""); err != nil {
		return err
	}
	return c.gone(ctx, "with a deadline: false")
}

// gone asks what became of the last caller of Wait.
func (c client) gone(ctx context.Context, how string) error {
	s, err := c.open(ctx, greeter.Count, "gone?")
	if err != nil {
		return err
	}
	got, err := receive(s)
	return want(got, how, err)
}

func (c client) stream(ctx context.Context, method string) (grpc.ClientStream, error) {
	return c.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
}

// open begins a stream with its one message.
func (c client) open(ctx context.Context, method, name string) (grpc.ClientStream, error) {
	s, err := c.stream(ctx, method)
	if err == nil {
		err = errors.Join(s.SendMsg(wrapperspb.String(name)), s.CloseSend())
	}
	return s, err
}

func receive(s grpc.ClientStream) (string, error) {
	out := new(wrapperspb.StringValue)
	err := s.RecvMsg(out)
	return out.Value, err
}

// end is the proper end of a stream.
func end(s grpc.ClientStream) error {
	if _, err := receive(s); err != io.EOF {
		return fmt.Errorf("at the end: %w", err)
	}
	return nil
}

func (c client) serverStream(ctx context.Context) error {
	s, err := c.open(ctx, greeter.Count, "Ada")
	if err != nil {
		return err
	}
	for i := range 3 {
		got, err := receive(s)
		if err := want(got, fmt.Sprintf("Hello, Ada %d!", i), err); err != nil {
			return err
		}
	}
	return end(s)
}

func (c client) clientStream(ctx context.Context) error {
	s, err := c.stream(ctx, greeter.All)
	if err != nil {
		return err
	}
	long := strings.Repeat("x", 1<<20)
	for range 64 {
		if err := s.SendMsg(wrapperspb.String(long)); err != nil {
			return err
		}
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	got, err := receive(s)
	if err := want(got, "Hello, xxxxxxxx and 63 more!", err); err != nil {
		return err
	}
	return end(s)
}

// bothStream sends each message after the answer to the one before.
func (c client) bothStream(ctx context.Context) error {
	s, err := c.stream(ctx, greeter.Chat)
	if err != nil {
		return err
	}
	for i := range 10 {
		name := fmt.Sprint("Ada ", i)
		if err := s.SendMsg(wrapperspb.String(name)); err != nil {
			return err
		}
		got, err := receive(s)
		if err := want(got, "Hello, "+name+"!", err); err != nil {
			return err
		}
	}
	return errors.Join(s.CloseSend(), end(s))
}

func (c client) large(ctx context.Context) error {
	name := strings.Repeat("Ada", 1<<20)
	got, err := c.call(ctx, greeter.Hello, name, grpc.MaxCallRecvMsgSize(16<<20))
	return want(got, "Hello, "+name+"!", err)
}

func (c client) many(ctx context.Context) error {
	var all sync.WaitGroup
	errs := make([]error, 100)
	for i := range errs {
		all.Go(func() { errs[i] = c.bothStream(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (c client) missing(ctx context.Context) error {
	other, err := grpc.NewClient(c.conn.Target(), grpc.WithAuthority("nobody.localhost"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer other.Close()
	_, err = client{other}.call(ctx, greeter.Hello, "Ada")
	return wantCode(err, codes.Unimplemented, `"nobody" does not exist`)
}
