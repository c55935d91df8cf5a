package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/testenv"
)

// labelled is a program that says in every answer which version it is, by a variable of
// its configuration: changing that is the quickest deploy there is. Told so by another
// variable, it is of no use.
func labelled(t *testing.T) string {
	t.Helper()
	return source(t, map[string]string{
		"slipway.yaml": "timeout: 10m\n", // some events last for a whole test
		"go.mod":       "module example.com/fn\n\ngo 1.24\n",
		"main.go": `package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	switch os.Getenv("FAULT") {
	case "crash":
		fmt.Println("no database")
		os.Exit(7)
	case "deaf":
		time.Sleep(time.Hour)
	case "leave":
		time.AfterFunc(200*time.Millisecond, func() { os.Exit(5) })
	}
	http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch os.Getenv("FAULT") {
		case "fall":
			fmt.Println("about to fall")
			os.Exit(3)
		case "err":
			w.WriteHeader(500)
		case "slow":
			time.Sleep(40 * time.Millisecond)
		}
		if r.URL.Path == "/echo" {
			http.NewResponseController(w).EnableFullDuplex()
			w.(http.Flusher).Flush()
			io.Copy(w, r.Body)
			return
		}
		if r.URL.Path == "/health" && os.Getenv("FAULT") == "ill" {
			w.WriteHeader(503)
		}
		time.Sleep(time.Millisecond)
		io.WriteString(w, os.Getenv("LABEL"))
	}))
}
`})
}

// relabel deploys the program with another label, and makes that known to the load
// before any event can see it. The next event is the new version's.
func (p *platform) relabel(name, label string, l *checkedLoad) {
	p.t.Helper()
	l.allow(label)
	if res, body := p.api("PUT", "/v1/functions/"+name, fmt.Sprintf(`{"env":{"LABEL":%q}}`, label)); res.StatusCode != http.StatusOK {
		p.t.Fatalf("deploy %s: %s %s", label, res.Status, body)
	}
	if _, body := p.event("GET", "/fn/"+name+"/", ""); body != label {
		p.t.Errorf("the first event after the deploy of %s was answered by %q", label, body)
	}
}

// TestDeploysUnderLoad: while a hundred versions go live one after the other, and some
// are rolled back, and the scaling changes, no event fails, and none is answered by a
// version that was not live.
func TestDeploysUnderLoad(t *testing.T) {
	p := boot(t)
	p.deploy(labelled(t), "svc")
	finish := p.openStream("/fn/svc/echo")
	l := startCheckedLoad(p.url+"/fn/svc/", 8)
	for i := range 100 {
		p.relabel("svc", fmt.Sprint("v", i), l)
		switch {
		case i%10 == 3:
			if status, _, stderr := p.cli("rollback", "svc"); status != 0 {
				t.Fatalf("rollback: exit status %d, %s", status, stderr)
			}
		case i%10 == 5:
			p.scale(t, "svc", "--max", fmt.Sprint(8+i%7), "--concurrency", fmt.Sprint(1+i%3))
		case i%10 == 7:
			l.awaitMore(t, 50)
		case i%20 == 9: // one that never comes up
			if res, body := p.api("PUT", "/v1/functions/svc", fmt.Sprintf(`{"env":{"LABEL":"bad%d","FAULT":"crash"}}`, i)); res.StatusCode != http.StatusBadRequest {
				t.Fatalf("a version that crashes: %s %s", res.Status, body)
			}
		}
	}
	l.awaitMore(t, 100)
	l.stop(t)
	if got := finish("the end"); got != "the end" {
		t.Errorf("what began with the first version and ended after all the others got %q", got)
	}
}

// TestDeploysWithoutRoom: where there is room for two instances and the old version uses
// both, a new one takes over all the same.
func TestDeploysWithoutRoom(t *testing.T) {
	p := boot(t, "--memory-mb", "600")
	p.deploy(labelled(t), "svc")
	l := startCheckedLoad(p.url+"/fn/svc/", 6)
	for i := range 4 {
		p.relabel("svc", fmt.Sprint("v", i), l)
		l.awaitMore(t, 20)
	}
	l.stop(t)
}

// openStream begins an event whose answer is its body, and returns when the answer has
// begun; finish sends text and is what came back.
func (p *platform) openStream(path string) (finish func(text string) string) {
	p.t.Helper()
	body, in := io.Pipe()
	req, err := http.NewRequestWithContext(p.t.Context(), "POST", p.url+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { in.Close(); res.Body.Close() })
	return func(text string) string {
		go func() {
			io.WriteString(in, text)
			in.Close()
		}()
		got, err := io.ReadAll(res.Body)
		if err != nil {
			p.t.Errorf("the stream broke: %v", err)
		}
		return string(got)
	}
}

// TestVersionThatLeavesGoesBack: so does one that comes up and ends by itself before any
// event has come.
func TestVersionThatLeavesGoesBack(t *testing.T) {
	p := boot(t)
	p.deploy(labelled(t), "svc")
	p.scale(t, "svc", "--min", "1")
	p.put("svc", `{"env":{"LABEL":"bad","FAULT":"leave"},"release":{"failures":3}}`, http.StatusOK, `"live":2`)
	p.awaitLive("svc", "version 1 again", func(a alias) bool { return a.Version == 1 && a.MovedBy == "auto-rollback" })
	_, body := p.api("GET", "/v1/functions/svc/versions/2", "")
	if !strings.Contains(body, "starts in a row went wrong") || !strings.Contains(body, "ended before it got its first event") {
		t.Errorf("version 2 is %s", body)
	}
}

// put lays a configuration over the function's.
func (p *platform) put(name, config string, status int, part string) {
	p.t.Helper()
	if res, body := p.api("PUT", "/v1/functions/"+name, config); res.StatusCode != status || !strings.Contains(body, part) {
		p.t.Fatalf("%s: %s %s, want %d with %q", config, res.Status, body, status, part)
	}
}

// TestBadVersions: no event reaches a version that does not come up; the user sees why
// and what it printed last; the old one serves.
func TestBadVersions(t *testing.T) {
	p := boot(t, "--start-timeout", "2s")
	p.deploy(labelled(t), "svc")
	l := startCheckedLoad(p.url+"/fn/svc/", 4)
	for _, bad := range []struct{ config, reason string }{
		{`{"env":{"LABEL":"bad","FAULT":"crash"}}`, "exit status 7; the process printed: no database"},
		{`{"env":{"LABEL":"bad","FAULT":"deaf"}}`, "nothing listens on port 8080 after 2s"},
		{`{"env":{"LABEL":"bad","FAULT":"ill"},"health":{"path":"/health"}}`, "did not become healthy: GET /health was answered with 503"},
		{`{"env":{"LABEL":"bad"},"protocol":"lambda"}`, "did not ask the Runtime API for an event within 2s"},
		{`{"env":{"LABEL":"bad"},"command":["/no/such/program"]}`, "no such file"},
	} {
		res, body := p.api("PUT", "/v1/functions/svc", bad.config)
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(body, bad.reason) {
			t.Errorf("%s: %s %s, want the reason %q", bad.config, res.Status, body, bad.reason)
		}
		_, body = p.api("GET", "/v1/functions/svc/versions?limit=1", "")
		if !strings.Contains(body, `"state":"failed"`) || !strings.Contains(body, bad.reason) {
			t.Errorf("%s: the version is %s", bad.config, body)
		}
		l.awaitMore(t, 20)
	}
	if _, out, _ := p.cli("versions", "svc"); strings.Count(out, "failed") != 5 || !strings.Contains(out, "exit status 7") {
		t.Errorf("versions prints\n%s", out)
	}
	if n := l.of(""); n == 0 {
		t.Error("the old version has served nothing")
	}
	l.stop(t)
}

type alias struct {
	Version, Previous int
	Weights           map[string]float64
	MovedBy           string `json:"moved_by"`
	Canary            *struct{ Step int }
}

func (p *platform) live(name string) (a alias) {
	p.t.Helper()
	_, body := p.api("GET", "/v1/functions/"+name+"/aliases/live", "")
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		p.t.Fatalf("%v: %s", err, body)
	}
	return a
}

// awaitLive waits until live is as wanted.
func (p *platform) awaitLive(name, what string, wanted func(alias) bool) {
	p.t.Helper()
	testenv.Eventually(p.t, time.Minute, func() error {
		if a := p.live(name); !wanted(a) {
			return fmt.Errorf("live is %+v, want %s", a, what)
		}
		return nil
	})
}

// TestVersionThatFallsGoesBack: a version that passes its check and then ends with every
// event gives live back by itself.
func TestVersionThatFallsGoesBack(t *testing.T) {
	p := boot(t)
	p.deploy(labelled(t), "svc")
	p.put("svc", `{"env":{"LABEL":"bad","FAULT":"fall"},"release":{"failures":3}}`, http.StatusOK, `"live":2`)
	good := 0
	testenv.Eventually(t, time.Minute, func() error {
		res, body := p.event("GET", "/fn/svc/", "")
		if res.StatusCode == http.StatusOK {
			good++
			return nil
		}
		return fmt.Errorf("%s %s", res.Status, body)
	})
	if a := p.live("svc"); a.Version != 1 || a.Previous != 2 || a.MovedBy != "auto-rollback" {
		t.Errorf("live is %+v", a)
	}
	_, body := p.api("GET", "/v1/functions/svc/versions/2", "")
	for _, part := range []string{`"state":"ready"`, "live went back to version 1", "exit status 3", "about to fall"} {
		if !strings.Contains(body, part) {
			t.Errorf("version 2 lacks %q: %s", part, body)
		}
	}
	testenv.Eventually(t, time.Minute, func() error {
		if _, out, _ := p.cli("logs", "svc"); !strings.Contains(out, "live went back to version 1") {
			return fmt.Errorf("logs print %s", out)
		}
		return nil
	})

	// The same where the user does not want that.
	p.put("svc", `{"env":{"LABEL":"bad2","FAULT":"fall"},"release":{"auto_rollback":false,"failures":1}}`, http.StatusOK, `"live":3`)
	for range 5 {
		p.event("GET", "/fn/svc/", "")
	}
	p.api("GET", "/v1/functions/svc", "")
	if a := p.live("svc"); a.Version != 3 {
		t.Errorf("live is %+v", a)
	}
	// Going back by hand passes over the one that fell before.
	if status, out, stderr := p.cli("rollback", "svc"); status != 0 || !strings.Contains(out, "version 1 of svc is live") {
		t.Errorf("rollback: exit status %d, %q %q", status, out, stderr)
	}
}

// TestRollbackIsWarm: the version before answers at once, long after its last event.
func TestRollbackIsWarm(t *testing.T) {
	p := boot(t)
	p.deploy(labelled(t), "svc")
	p.scale(t, "svc", "--idle-timeout", "1s")
	p.event("GET", "/fn/svc/", "")
	p.put("svc", `{"env":{"LABEL":"two"}}`, http.StatusOK, `"live":2`)
	testenv.Eventually(t, time.Minute, func() error { // that of version 2 goes, the other one stays
		if all := p.instances(t, "svc"); len(all) != 1 || all[0].Version != 1 {
			return fmt.Errorf("instances = %+v, want one of version 1", all)
		}
		return nil
	})
	began := time.Now()
	if status, _, stderr := p.cli("rollback", "svc"); status != 0 {
		t.Fatalf("rollback: exit status %d, %s", status, stderr)
	}
	res, body := p.event("GET", "/fn/svc/", "")
	checkAnswer(t, res, body, "")
	t.Logf("from the command to the first answer of the version before: %s", time.Since(began))
	if cold := res.Header.Get("X-Slipway-Cold-Start"); cold != "false" {
		t.Errorf("the first answer was cold: %s", cold)
	}
}

// TestCanary: good ones go forward without a failed event, bad ones go back, and both
// are seen.
func TestCanary(t *testing.T) {
	p := boot(t)
	program := labelled(t)
	p.deploy(program, "svc")
	flags := []string{"--canary", "30%,60%", "--canary-interval", "1s", "--canary-min-events", "20"}
	deploy := func(env string) {
		t.Helper()
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(program)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "slipway.yaml"), []byte(env), 0o644); err != nil {
			t.Fatal(err)
		}
		status, out, stderr := p.cli(append([]string{"deploy", dir, "--name", "svc"}, flags...)...)
		if status != 0 || !strings.Contains(stderr, "gets 30% of the events beside version") || strings.Contains(stderr, "is live") {
			t.Fatalf("deploy: exit status %d, %q, %q", status, out, stderr)
		}
	}
	l := startCheckedLoad(p.url+"/fn/svc/", 4)
	l.allow("two")
	deploy("env: {LABEL: two}\n")
	if a := p.live("svc"); a.Version != 1 || a.Weights["2"] != 0.3 || a.Canary == nil {
		t.Errorf("live is %+v", a)
	}
	if _, out, _ := p.cli("versions", "svc"); !strings.Contains(out, "live 30%") || !strings.Contains(out, "live 70%") {
		t.Errorf("versions prints\n%s", out)
	}
	p.awaitLive("svc", "in its second step", func(a alias) bool { return a.Canary != nil && a.Weights["2"] == 0.6 })
	if _, out, _ := p.cli("alias", "show", "svc", "live"); !strings.Contains(out, "step 2 of 2") || !strings.Contains(out, "60% to version 2") {
		t.Errorf("alias show prints\n%s", out)
	}
	p.awaitLive("svc", "version 2 alone", func(a alias) bool { return a.Version == 2 && a.Canary == nil && a.MovedBy == "canary" })
	if l.of("two") == 0 || l.of("") == 0 {
		t.Error("one of the versions has served nothing")
	}
	l.stop(t)

	for n, bad := range []struct{ env, reason string }{
		{"env: {LABEL: bad, FAULT: err}\n", "canary aborted: error rate 100% against 0%"},
		{"env: {LABEL: bad, FAULT: slow}\n", "canary aborted: latency: "},
		{"env: {LABEL: bad, FAULT: fall}\n", "canary aborted: "},
	} {
		l := startLoad(p.url+"/fn/svc/", 4)
		deploy(bad.env)
		p.awaitLive("svc", "version 2 alone", func(a alias) bool { return a.Version == 2 && a.Canary == nil && a.Weights == nil })
		l.stop()
		_, body := p.api("GET", fmt.Sprintf("/v1/functions/svc/versions/%d", 3+n), "")
		if !strings.Contains(body, bad.reason) {
			t.Errorf("the version lacks the reason %q: %s", bad.reason, body)
		}
	}
}

// TestCanaryOutlivesAKill: where a canary is, is in the store.
func TestCanaryOutlivesAKill(t *testing.T) {
	data, address := filepath.Join(t.TempDir(), "data"), freeAddress(t)
	start := func() (*process, *platform) {
		server := startProcess(t, "serve", "--listen", address, "--data", data)
		p := &platform{t: t, url: server.await("Slipway is ready at "), data: data}
		p.key = adminKey(t, data)
		return server, p
	}
	first, p := start()
	p.deploy(labelled(t), "svc")
	p.put("svc", `{"env":{"LABEL":"two"}}`, http.StatusOK, `"live":2`)
	if status, out, stderr := p.cli("alias", "set", "svc", "live", "1", "2", "--canary", "0.2,0.6", "--canary-interval", "1s", "--canary-min-events", "5"); status != 0 || !strings.Contains(out, "20% to version 2") {
		t.Fatalf("alias set: exit status %d, %q, %q", status, out, stderr)
	}
	l := startLoad(p.url+"/fn/svc/", 2)
	p.awaitLive("svc", "in its second step", func(a alias) bool { return a.Canary != nil && a.Canary.Step == 1 })
	first.end(syscall.SIGKILL)
	l.stop()
	_, p = start()
	if a := p.live("svc"); a.Canary == nil || a.Weights["2"] != 0.6 {
		t.Errorf("after the kill live is %+v", a)
	}
	l = startLoad(p.url+"/fn/svc/", 2)
	p.awaitLive("svc", "version 2 alone", func(a alias) bool { return a.Version == 2 && a.Canary == nil })
	l.stop()
}
