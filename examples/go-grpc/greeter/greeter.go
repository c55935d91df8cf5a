// Package greeter is a gRPC service that greets. It is written by hand with well-known
// message types; what protoc makes of a .proto file is used in the same way.
package greeter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// The methods, as they are named on the wire.
const (
	Hello = "/example.Greeter/Hello" // one name, one greeting
	Count = "/example.Greeter/Count" // one name, three greetings
	All   = "/example.Greeter/All"   // many names, one greeting
	Chat  = "/example.Greeter/Chat"  // many names, each greeted at once
	Wait  = "/example.Greeter/Wait"  // answers when the caller has lost its patience
)

// Server answers. Gone gets a word when a caller of Wait has gone.
type Server struct{ Gone chan string }

// Desc describes the service.
var Desc = grpc.ServiceDesc{
	ServiceName: "example.Greeter",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{
		{MethodName: "Hello", Handler: unary((*Server).hello)},
		{MethodName: "Wait", Handler: unary((*Server).wait)},
	},
	Streams: []grpc.StreamDesc{
		{StreamName: "Count", ServerStreams: true, Handler: stream((*Server).count)},
		{StreamName: "All", ClientStreams: true, Handler: stream((*Server).all)},
		{StreamName: "Chat", ServerStreams: true, ClientStreams: true, Handler: stream((*Server).chat)},
	},
}

type text = wrapperspb.StringValue

func unary(f func(*Server, context.Context, *text) (*text, error)) grpc.MethodHandler {
	return func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		in := new(text)
		if err := decode(in); err != nil {
			return nil, err
		}
		return f(srv.(*Server), ctx, in)
	}
}

func stream(f func(*Server, grpc.ServerStream) error) grpc.StreamHandler {
	return func(srv any, s grpc.ServerStream) error { return f(srv.(*Server), s) }
}

func (s *Server) hello(ctx context.Context, in *text) (*text, error) {
	if err := grpc.SetTrailer(ctx, metadata.Pairs("greeted", shorten(in.Value))); err != nil {
		return nil, err
	}
	if in.Value == "" {
		return nil, status.Error(codes.InvalidArgument, "whom shall I greet? 100 % nobody")
	}
	return greet(in.Value), nil
}

// wait says how the caller's patience ended.
func (s *Server) wait(ctx context.Context, _ *text) (*text, error) {
	_, limited := ctx.Deadline()
	<-ctx.Done()
	select {
	case s.Gone <- fmt.Sprintf("with a deadline: %v", limited):
	case <-time.After(time.Minute):
	}
	return nil, status.FromContextError(ctx.Err()).Err()
}

func (s *Server) count(out grpc.ServerStream) error {
	in := new(text)
	if err := out.RecvMsg(in); err != nil {
		return err
	}
	if in.Value == "gone?" {
		return out.SendMsg(&text{Value: <-s.Gone})
	}
	for i := range 3 {
		if err := out.SendMsg(greet(fmt.Sprintf("%s %d", in.Value, i))); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) all(in grpc.ServerStream) error {
	n, last := 0, ""
	for name := new(text); ; n++ {
		switch err := in.RecvMsg(name); {
		case errors.Is(err, io.EOF):
			return in.SendMsg(greet(fmt.Sprintf("%s and %d more", last, n-1)))
		case err != nil:
			return err
		}
		last = shorten(name.Value)
	}
}

func (s *Server) chat(both grpc.ServerStream) error {
	for name := new(text); ; {
		switch err := both.RecvMsg(name); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := both.SendMsg(greet(name.Value)); err != nil {
			return err
		}
	}
}

func shorten(name string) string { return name[:min(len(name), 8)] }

func greet(name string) *text { return wrapperspb.String("Hello, " + name + "!") }
