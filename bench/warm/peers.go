package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is a server that runs beside us.
type process struct {
	cmd     *exec.Cmd
	address string
}

// start starts a server and returns when it listens on address. It ends with us.
func start(cmd *exec.Cmd, address string, env ...string) (*process, error) {
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, address: address}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return p, nil
		}
	}
	p.stop()
	return nil, fmt.Errorf("%s does not listen on %s", cmd.Path, address)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.cmd.Wait()
}

// freeAddress is one that nobody listens on now.
func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err) // a machine without a loopback measures nothing
	}
	defer l.Close()
	return l.Addr().String()
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

const nginxConfig = `daemon off; worker_processes auto; pid nginx.pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  upstream app { server %s; keepalive 128; keepalive_requests 1000000000; }
  server {
    listen %s;
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; }
  }
}
`

// startNginx starts nginx in front of the program, with connections to it that are kept.
func startNginx(dir, app string) (*process, error) {
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary, err = exec.LookPath("/usr/sbin/nginx")
	}
	if err != nil {
		return nil, errors.New("nginx")
	}
	address := freeAddress()
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, app, address), 0o644); err != nil {
		return nil, err
	}
	return start(exec.Command(binary, "-p", dir, "-c", config, "-e", "stderr"), address)
}

// proxyCommand makes this program Go's proxy.
const proxyCommand = "reverse-proxy"

func startProxy(app string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	address := freeAddress()
	return start(exec.Command(self, proxyCommand, "http://"+app), address, "LISTEN="+address)
}

// serveProxy is httputil.ReverseProxy with as many kept connections as there can be.
func serveProxy(app string) error {
	to, err := url.Parse(app)
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 256
	rewrite := func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.SetXForwarded()
	}
	quiet := log.New(io.Discard, "", 0) // the generator closes its connections in the middle
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: rewrite, ErrorLog: quiet}
	return http.ListenAndServe(os.Getenv("LISTEN"), proxy)
}
