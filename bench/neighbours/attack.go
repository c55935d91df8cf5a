package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// attack is one thing that the hostile function does.
type attack struct {
	name, path    string
	alone, beside []time.Duration
	met           string // what came of it last
}

// attacks are all that can be made here; outside is an address to connect to.
func attacks(outside string) []*attack {
	all := []*attack{
		{name: "fork bomb", path: "/bomb"}, {name: "memory hog", path: "/hog"}, {name: "disk filler", path: "/disk"},
		{name: "log flood", path: "/flood"}, {name: "cpu hog", path: "/spin"},
	}
	if outside != "" {
		all = append(all, &attack{name: "connection flood", path: "/connections?to=" + url.QueryEscape(outside)})
	}
	return all
}

// outside listens on an address of this machine that is opened to functions, because
// nothing beyond the machine is to be flooded.
func (b *bench) outside() (address string, flags []string, stop func()) {
	ip := firstAddress()
	if ip == nil {
		b.missing = append(b.missing, "connection flood (this machine has no address but the loopback's)")
		return "", nil, func() {}
	}
	l, err := net.Listen("tcp", net.JoinHostPort(ip.String(), "0"))
	if err != nil {
		b.missing = append(b.missing, fmt.Sprintf("connection flood (%v)", err))
		return "", nil, func() {}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(io.Discard, c) // until the other end closes it
				c.Close()
			}()
		}
	}()
	return l.Addr().String(), []string{"--egress-allow", ip.String() + "/32"}, func() { l.Close() }
}

// firstAddress is an IPv4 address of this machine that others can reach; nil is none.
func firstAddress() net.IP {
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP
		}
	}
	return nil
}

// begin has the hostile function do its worst, again and again, until stop is called;
// stop waits for the end and gives what was answered last.
func (b *bench) begin(ctx context.Context, a *attack) (stop func() string) {
	done := make(chan struct{})
	last := make(chan string, 1)
	go func() {
		met := ""
		for {
			met = b.attackOnce(ctx, a)
			select {
			case <-done:
				last <- met
				return
			default:
			}
		}
	}()
	return func() string {
		close(done)
		return <-last
	}
}

func (b *bench) attackOnce(ctx context.Context, a *attack) string {
	req, err := http.NewRequestWithContext(ctx, "GET", b.server.URL+"/fn/"+hostile+a.path, nil)
	if err != nil {
		return err.Error()
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	var doc struct{ Error struct{ Message string } }
	if json.Unmarshal(body, &doc) == nil && doc.Error.Message != "" {
		_, what, _ := strings.Cut(doc.Error.Message, "Error: ") // behind the request's id
		body = []byte(cmp.Or(what, doc.Error.Message))
	}
	first, _, _ := strings.Cut(string(body), "\n")
	return fmt.Sprintf("%.90s", first)
}
