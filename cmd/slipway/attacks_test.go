package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/testenv"
)

// TestHostileFunctions has a function do its worst: the caller learns in plain words what
// came of it, the function answers again, and its neighbour always.
func TestHostileFunctions(t *testing.T) {
	p := boot(t)
	p.deploy("testdata/hostile", "hostile")
	p.deploy(goServer(t, `io.WriteString(w, "unharmed")`), "neighbour")
	config := `{"timeout":"2s","memory_mb":64,"ephemeral_mb":16,"pids":64,"cpu":0.5,"network":"none"}`
	if res, body := p.api("PUT", "/v1/functions/hostile", config); res.StatusCode >= 300 {
		t.Fatalf("%s: %s", res.Status, body)
	}
	for _, tt := range []struct {
		attack string
		status int
		met    string
	}{
		{"bomb", http.StatusGatewayTimeout, "timed out after 2.00 seconds"},
		{"spin", http.StatusGatewayTimeout, "timed out after 2.00 seconds"},
		{"hog", http.StatusBadGateway, "memory"},
		{"disk", http.StatusOK, "no space left on device"},
		{"stop", http.StatusOK, "goes on"},
		{"flood", http.StatusOK, `^printed [0-9] MiB`}, // its pipe holds it back
	} {
		t.Run(tt.attack, func(t *testing.T) {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				if res, body := p.event("GET", "/fn/hostile/"+tt.attack, ""); res.StatusCode != tt.status || !regexp.MustCompile(tt.met).MatchString(body) {
					t.Errorf("answered %s: %s", res.Status, body)
				}
			}()
			for during := true; during; {
				select {
				case <-ended:
					during = false
				default:
				}
				res, body := p.event("GET", "/fn/neighbour/", "")
				checkAnswer(t, res, body, "unharmed")
			}
			testenv.Eventually(t, 30*time.Second, func() error { // a new instance may have to take over
				if res, body := p.event("GET", "/fn/hostile/", ""); res.StatusCode != http.StatusOK {
					return fmt.Errorf("%s: %s", res.Status, body)
				}
				return nil
			})
		})
	}
}

// TestPlatformIsOutOfReach looks from a function with egress for everything of the
// platform and of the machine that listens.
func TestPlatformIsOutOfReach(t *testing.T) {
	p := boot(t, "--listen", "0.0.0.0:0")
	p.deploy("testdata/hostile", "attacker")
	p.deploy("testdata/hostile", "victim")
	_, victim := p.event("GET", "/fn/victim/addresses", "")

	var targets []string
	add := func(host string, port int) { targets = append(targets, net.JoinHostPort(host, strconv.Itoa(port))) }
	for _, port := range listening(t) {
		for _, host := range addressesOfHost(t) {
			add(host, port)
		}
		for _, host := range []string{"127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "::ffff:127.0.0.1", "127.1.2.3"} {
			if port != 8080 { // there it is the function itself
				add(host, port)
			}
		}
	}
	for _, host := range strings.Fields(victim) {
		add(host, 8080)
	}
	for _, host := range []string{"169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "100.100.100.200", "168.63.129.16",
		"10.0.0.1", "172.17.0.1", "192.168.0.1", "100.64.0.1", "fd00::1", "fe80::1%eth0", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"} {
		add(host, 80)
	}
	if len(strings.Fields(victim)) == 0 || len(targets) < 20 {
		t.Fatalf("the test looks in the wrong places: %s", targets)
	}
	_, answers := p.event("GET", "/fn/attacker/dial?"+url.Values{"to": targets}.Encode(), "")
	for line := range strings.Lines(answers) {
		if strings.Contains(line, "<nil>") || strings.Contains(line, "timeout") {
			t.Errorf("reached, or not refused at once: %s", line)
		}
	}
	if n := strings.Count(answers, "\n"); n != len(targets) {
		t.Errorf("%d of %d attempts were made:\n%s", n, len(targets), answers)
	}
}

// addressesOfHost are those that others could reach it by.
func addressesOfHost(t *testing.T) (found []string) {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if ip := a.(*net.IPNet).IP; !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			found = append(found, ip.String())
		}
	}
	return found
}

// listening are the ports on which something of this machine takes connections: the
// gateway, and whatever else runs here (proc_net_tcp(5)); and where NATS and PostgreSQL
// would be.
func listening(t *testing.T) []int {
	t.Helper()
	ports := []int{4222, 5432}
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		table, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(table)) {
			const listen = "0A"
			fields := strings.Fields(line)
			_, port, _ := strings.Cut(fields[1], ":")
			if n, err := strconv.ParseInt(port, 16, 32); err == nil && fields[3] == listen {
				ports = append(ports, int(n))
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}
