package bus

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/slipway-run/slipway"
)

// ServerConfig is how the embedded NATS server runs.
type ServerConfig struct {
	Dir    string // folder for JetStream's files; made when it is missing
	Listen string // host:port for other processes; "" takes connections of this process only
	Token  string // what others must show to connect; needed unless Listen is a loopback address
	Guests bool   // those who connect are not of the platform: they share subjects and streams with each other, and with Outside

	KeepFree uint64 // bytes of the disk that the platform's streams leave free; 64 MiB
}

// Server is a NATS server with JetStream inside this process.
type Server struct {
	nats     *server.Server
	doors    *doors
	log      *slog.Logger
	keepFree uint64
}

// NewServer prepares a server; Start runs it.
func NewServer(cfg ServerConfig, log *slog.Logger) (*Server, error) {
	opts, err := serverOptions(cfg)
	if err != nil {
		return nil, err
	}
	d := newDoors(cfg)
	opts.CustomClientAuthentication = d
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("prepare the embedded NATS server: %w", err)
	}
	s.SetLoggerV2(&serverLog{log: log}, false, false, false)
	d.outside, _ = s.LookupOrRegisterAccount(outsideAccount)
	return &Server{nats: s, doors: d, log: log, keepFree: cmp.Or(cfg.KeepFree, keepFree)}, nil
}

// unlimitedStore is more than any disk: a stream's own limits and the disk itself are
// what bounds it, and no stream is refused because the disk is half full today.
const unlimitedStore = 1 << 50

func serverOptions(cfg ServerConfig) (*server.Options, error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil || cfg.Dir == "" {
		return nil, slipway.Errorf(slipway.ErrInvalid, "embedded NATS server: Dir %q must name a folder", cfg.Dir)
	}
	opts := &server.Options{
		ServerName:        "slipway",
		NoSigs:            true, // signals belong to the program
		NoLog:             true, // until SetLoggerV2
		NoSystemAccount:   true,
		JetStream:         true,
		StoreDir:          dir,
		JetStreamMaxStore: unlimitedStore,
		SyncAlways:        true, // see doc.go
		DontListen:        cfg.Listen == "",
	}
	if opts.DontListen {
		return opts, nil
	}
	return opts, listenOn(opts, cfg)
}

func listenOn(opts *server.Options, cfg ServerConfig) error {
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return slipway.Errorf(slipway.ErrInvalid, "embedded NATS server: listen on %q: %w", cfg.Listen, err)
	}
	if opts.Port, err = strconv.Atoi(port); err != nil || opts.Port < 0 || opts.Port > 65535 {
		return slipway.Errorf(slipway.ErrInvalid, "embedded NATS server: port %q must be a number from 0 to 65535", port)
	}
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	if ip := net.ParseIP(host); cfg.Token == "" && host != "localhost" && !ip.IsLoopback() {
		return slipway.Errorf(slipway.ErrInvalid, "embedded NATS server: listening on %q needs a token; without one it can listen on 127.0.0.1 only", cfg.Listen)
	}
	opts.Host = host
	return nil
}

// readyTimeout bounds the start; what takes time is reading back JetStream's files.
const readyTimeout = time.Minute

// Start runs the server and returns when it takes connections.
func (s *Server) Start(ctx context.Context) error {
	s.nats.Start()
	ready := make(chan bool, 1)
	go func() { ready <- s.nats.ReadyForConnections(readyTimeout) }()
	select {
	case <-ctx.Done():
		s.Shutdown()
		return fmt.Errorf("start the embedded NATS server: %w", ctx.Err())
	case ok := <-ready:
		if ok && s.nats.JetStreamEnabled() {
			return s.doors.open(s.nats.GlobalAccount())
		}
		s.Shutdown()
		return slipway.Errorf(slipway.ErrUnavailable, "the embedded NATS server did not start; the log says why, and its folder is %s", s.nats.StoreDir())
	}
}

// InProcessConn implements nats.InProcessConnProvider.
func (s *Server) InProcessConn() (net.Conn, error) {
	conn, err := s.nats.InProcessConn()
	return unhurried{conn}, err
}

// unhurried is a connection without write deadlines, which the client sets for each
// write: in a pipe they cost two timers, and the server at its other end always reads.
type unhurried struct{ net.Conn }

func (unhurried) SetWriteDeadline(time.Time) error { return nil }

// URL is where other processes connect; "" when it does not listen.
func (s *Server) URL() string {
	if s.nats.Addr() == nil {
		return ""
	}
	return s.nats.ClientURL()
}

// Shutdown ends the server and returns when its files are closed.
func (s *Server) Shutdown() {
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
}
