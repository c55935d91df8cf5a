package main

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/testenv"
)

// eachForm runs a test on one process, and on a gateway and an invoker apart, between
// which everything crosses a real nats-server.
func eachForm(t *testing.T, test func(t *testing.T, p *platform)) {
	t.Run("serve", func(t *testing.T) { test(t, boot(t)) })
	t.Run("apart", func(t *testing.T) { test(t, bootApart(t)) })
}

func bootApart(t *testing.T) *platform {
	t.Helper()
	nats, data := testenv.NATS(t), filepath.Join(t.TempDir(), "gateway")
	gateway := startProcess(t, "gateway", "--listen", "127.0.0.1:0", "--nats", nats, "--store", testenv.Postgres(t), "--data", data)
	p := &platform{t: t, url: gateway.await("Slipway is ready at "), data: data}
	p.key = adminKey(t, data)
	startInvoker(t, nats, t.TempDir(), "one")
	testenv.Eventually(t, 10*time.Second, func() error {
		if len(p.invokers(t)) == 0 {
			return fmt.Errorf("the gateway knows no invoker")
		}
		return nil
	})
	return p
}

// example compiles a program of examples/ and gives the folder that holds it, as
// bootstrap; so it can be run here, and deployed without being compiled once more.
func example(t *testing.T, module, program string) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, "bootstrap"), program)
	build.Dir, build.Env = filepath.Join("../../examples", module), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("compile %s: %v\n%s", program, err, out)
	}
	return dir
}

func (p *platform) configure(t *testing.T, function, config string) {
	t.Helper()
	if res, body := p.api("PUT", "/v1/functions/"+function, config); res.StatusCode >= 300 {
		t.Fatalf("%s: %s", res.Status, body)
	}
}

// TestGRPC has a real client call a real server in every way there is.
func TestGRPC(t *testing.T) {
	server, client := example(t, "go-grpc", "."), example(t, "go-grpc", "./client")
	eachForm(t, func(t *testing.T, p *platform) {
		p.configure(t, "greeter", `{"scaling":{"concurrency":200,"max":1}}`)
		p.deploy(server, "greeter")
		call := exec.Command(filepath.Join(client, "bootstrap"), strings.TrimPrefix(p.url, "http://"), "greeter.localhost")
		if out, err := call.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		// The server speaks nothing else; who calls it otherwise is given HTTP/2 all the same.
		res, body := p.event("GET", "/fn/greeter/", "")
		if res.StatusCode == http.StatusBadGateway || res.StatusCode == http.StatusOK {
			t.Errorf("a request that is no call of gRPC got %s: %s", res.Status, body)
		}
	})
}

// TestProtocols: what else HTTP can carry, through every hop of both forms.
func TestProtocols(t *testing.T) {
	eachForm(t, func(t *testing.T, p *platform) {
		p.configure(t, "fn", `{"scaling":{"concurrency":20,"max":1}}`)
		p.deploy(goServer(t, `
			switch r.URL.Path {
			case "/join":
				conn, rw, _ := http.NewResponseController(w).Hijack()
				io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
				io.Copy(conn, rw) // until the client has ended its half
				io.WriteString(conn, "bye")
				conn.Close()
			case "/trailer":
				w.Header().Set("Trailer", "X-Sum")
				n, _ := io.Copy(w, r.Body)
				w.Header().Set("X-Sum", fmt.Sprint(n))
				w.Header().Set(http.TrailerPrefix+"X-Got", r.Trailer.Get("X-Sent"))
			default:
				fmt.Fprint(w, r.Proto, " ", r.Host, " ", r.URL)
			}
		`), "fn")
		t.Run("a switch of protocols", func(t *testing.T) { joins(t, p) })
		t.Run("HTTP/2 without TLS", func(t *testing.T) { speaksHTTP2(t, p) })
		t.Run("trailers", func(t *testing.T) {
			var h2 http.Protocols
			h2.SetUnencryptedHTTP2(true)
			for name, transport := range map[string]*http.Transport{"HTTP/1.1": {}, "HTTP/2": {Protocols: &h2}} {
				passTrailers(t, p, name, transport)
			}
		})
	})
}

// joins switches protocols, speaks and listens by turns, sends much at once, and ends
// its half first.
func joins(t *testing.T, p *platform) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /fn/fn/join HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly")
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(res, err)
	}
	expect := func(want string) {
		t.Helper()
		got := make([]byte, len(want))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
			t.Fatalf("got %.100q, %v", got, err)
		}
	}
	expect("early")
	for i := range 20 {
		ping := fmt.Sprintf("ping %d", i)
		io.WriteString(conn, ping)
		expect(ping)
	}
	const size = 16 << 20
	go func() {
		io.Copy(conn, noise(size))
		conn.(*net.TCPConn).CloseWrite()
	}()
	got, want := sha256.New(), sha256.New()
	io.Copy(want, noise(size))
	if n, err := io.CopyN(got, r, size); err != nil || sum(got) != sum(want) {
		t.Fatalf("%d bytes came back, %v", n, err)
	}
	expect("bye")
	if b, err := r.ReadByte(); err != io.EOF {
		t.Errorf("after the end: %q, %v", b, err)
	}
}

// speaksHTTP2 sends events and a call of the API over one connection of HTTP/2.
func speaksHTTP2(t *testing.T, p *platform) {
	var h2 http.Protocols
	h2.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: &h2}}
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			res, err := client.Get(fmt.Sprintf("%s/fn/fn/a?i=%d", p.url, i))
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if want := fmt.Sprintf("HTTP/1.1 %s /a?i=%d", strings.TrimPrefix(p.url, "http://"), i); err != nil || res.Proto != "HTTP/2.0" || string(body) != want {
				t.Errorf("%s %s, %v, want %s", res.Proto, body, err, want)
			}
		})
	}
	all.Wait()
	if res, err := client.Get(p.url + "/healthz"); err != nil || res.StatusCode != http.StatusOK {
		t.Error(res, err)
	}
}

func passTrailers(t *testing.T, p *platform, name string, transport *http.Transport) {
	t.Helper()
	defer transport.CloseIdleConnections()
	body, in := io.Pipe()
	req, err := http.NewRequest("POST", p.url+"/fn/fn/trailer", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Trailer = http.Header{"X-Sent": nil}
	go func() {
		io.WriteString(in, "12345")
		req.Trailer.Set("X-Sent", "yes")
		in.Close()
	}()
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(name, err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if string(got) != "12345" || err != nil || res.Trailer.Get("X-Sum") != "5" || res.Trailer.Get("X-Got") != "yes" {
		t.Errorf("%s: %q, %v, trailer %v", name, got, err, res.Trailer)
	}
}
