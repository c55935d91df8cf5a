package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func newServeCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the whole platform in this process",
		Long: `Run the whole platform in this process: gateway, invoker, embedded NATS and SQLite.

Every flag can also be given as a variable (SLIPWAY_LISTEN for --listen) or as a key
in the YAML file that --config names. A flag wins over a variable, a variable over the
file.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settle(cmd, os.Getenv); err != nil {
				return err
			}
			return asRoot(cmd, func() error { return serve(cmd, &o) })
		},
	}
	f := cmd.Flags()
	o.common(f)
	o.cluster(f)
	o.gatewayFlags(f)
	o.embeddedFlags(f)
	o.invokerFlags(f)
	return cmd
}

// serve starts every part, says where it listens, waits for the command's context to end
// or for a part to fail, and stops them all.
func serve(cmd *cobra.Command, o *options) error {
	s, err := newServer(cmd, o)
	if err != nil {
		return err
	}
	defer s.close()

	ctx := s.ctx
	if err := s.openStore(ctx); err != nil { // the truth; everything else can be made again from it
		return err
	}
	if err := s.startBus(ctx); err != nil { // how the parts speak
		return err
	}
	if err := s.openImages(); err != nil { // uploads, images and unpacked layers
		return err
	}
	if err := s.startInvoker(ctx); err != nil { // network, sandboxes, pool, invoker
		return err
	}
	addr, err := s.startGateway(ctx) // last in, first out: nothing new arrives while the rest stops
	if err != nil {
		return err
	}
	greet(cmd.OutOrStdout(), addr, s.adminKey)
	return s.wait()
}

// greet tells a person what to do next. It is the only thing a server prints on its
// standard output.
func greet(w io.Writer, addr net.Addr, adminKey string) {
	fmt.Fprintf(w, "Slipway is ready at %s\n", baseURL(addr))
	if adminKey != "" {
		fmt.Fprintf(w, "The admin key is in %s; on this machine the command line finds it by itself.\n", adminKey)
		fmt.Fprintf(w, "Elsewhere: export SLIPWAY_URL=%s SLIPWAY_KEY=\"$(cat %s)\"\n", baseURL(addr), adminKey)
	}
	fmt.Fprintf(w, "Deploy a folder: slipway deploy examples/python-handler --name hello\n")
}

// baseURL is where this machine reaches the listener.
func baseURL(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "http://" + addr.String()
	}
	if ip := net.ParseIP(strings.Trim(host, "[]")); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

func newGatewayCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Run a gateway of a cluster: the API and HTTP events",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settle(cmd, os.Getenv); err != nil {
				return err
			}
			return serveGateway(cmd, &o)
		},
	}
	f := cmd.Flags()
	o.common(f)
	o.cluster(f)
	o.gatewayFlags(f)
	return cmd
}

// serveGateway is serve without the invoker: store and bus are shared with others.
func serveGateway(cmd *cobra.Command, o *options) error {
	if err := o.needs("nats", o.nats, "store", o.store); err != nil {
		return err
	}
	s, err := newServer(cmd, o)
	if err != nil {
		return err
	}
	defer s.close()

	if err := s.openStore(s.ctx); err != nil {
		return err
	}
	if err := s.startBus(s.ctx); err != nil {
		return err
	}
	addr, err := s.startGateway(s.ctx)
	if err != nil {
		return err
	}
	greet(cmd.OutOrStdout(), addr, s.adminKey)
	return s.wait()
}

func newInvokerCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "invoker",
		Short: "Run an invoker of a cluster: the sandboxes of one machine",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settle(cmd, os.Getenv); err != nil {
				return err
			}
			return asRoot(cmd, func() error { return serveInvoker(cmd, &o) })
		},
	}
	f := cmd.Flags()
	o.common(f)
	o.cluster(f)
	o.invokerFlags(f)
	return cmd
}

// serveInvoker is serve without gateway and store: what an invoker needs to know
// reaches it over the bus.
func serveInvoker(cmd *cobra.Command, o *options) error {
	if err := o.needs("nats", o.nats); err != nil {
		return err
	}
	s, err := newServer(cmd, o)
	if err != nil {
		return err
	}
	defer s.close()

	if err := s.startBus(s.ctx); err != nil {
		return err
	}
	if err := s.openImages(); err != nil {
		return err
	}
	if err := s.startInvoker(s.ctx); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "Slipway's invoker %s is ready\n", s.id)
	return s.wait()
}
