package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/testenv"
)

// TestKillUnderLoad kills a server without warning while it works, and starts it again:
// nothing it accepted is lost, and nothing it owned is left.
func TestKillUnderLoad(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	address := freeAddress(t)
	first := startProcess(t, "serve", "--listen", address, "--data", data)
	p := &platform{t: t, url: first.await("Slipway is ready at "), data: data}
	p.key = adminKey(t, data)
	p.deploy(goServer(t, `time.Sleep(time.Millisecond); io.WriteString(w, "here")`), "steady")

	load := startLoad(p.url+"/fn/steady/", 8)
	testenv.Eventually(t, 30*time.Second, func() error {
		if n := load.answered(); n < 200 {
			return fmt.Errorf("%d requests were answered", n)
		}
		return nil
	})
	before := ownedBy(t, data)
	if len(before.cgroups) == 0 || len(before.pids) == 0 {
		t.Fatalf("under load the server owns %+v; the test looks in the wrong place", before)
	}
	first.end(syscall.SIGKILL)
	load.stop()

	second := startProcess(t, "serve", "--listen", address, "--data", data)
	p.url = second.await("Slipway is ready at ")
	if still := alive(before.pids); len(still) > 0 {
		t.Errorf("processes %v outlived their server", still)
	}
	if now := ownedBy(t, data); len(now.mounts) > 0 {
		t.Errorf("after the start there is still %+v", now)
	}
	res, body := p.event("GET", "/fn/steady/", "")
	checkAnswer(t, res, body, "here")

	if status := second.end(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d after SIGTERM", status)
	}
	if now := ownedBy(t, data); !now.empty() {
		t.Errorf("after stopping in order there is still %+v", now)
	}
}

var kills = flag.Int("kills", 4, "how often TestKillsAtRandomMoments kills its server")

// TestKillsAtRandomMoments kills a server again and again, while instances start and
// end, at a moment that nobody chose. What was left is gone when the next one is ready,
// and the last one leaves nothing.
func TestKillsAtRandomMoments(t *testing.T) {
	data, address := filepath.Join(t.TempDir(), "data"), freeAddress(t)
	start := func() *process { return startProcess(t, "serve", "--listen", address, "--data", data) }
	server := start()
	p := &platform{t: t, url: server.await("Slipway is ready at "), data: data}
	p.key = adminKey(t, data)
	names := []string{"one", "two", "three"}
	for _, name := range names {
		p.deploy(goServer(t, `io.WriteString(w, "here")`), name)
		p.scale(t, name, "--max", "3", "--idle-timeout", "1s")
	}
	for round := range *kills {
		var loads []*load
		for _, name := range names {
			loads = append(loads, startLoad(p.url+"/fn/"+name+"/", 4))
		}
		wait := rand.N(600 * time.Millisecond)
		<-time.After(wait) // any moment will do: this is no condition to wait for
		server.end(syscall.SIGKILL)
		left := ownedBy(t, data)
		for _, l := range loads {
			l.stop()
		}
		early := start() // and while it starts, with the work of clearing up before it
		<-time.After(rand.N(400 * time.Millisecond))
		early.end(syscall.SIGKILL)
		server = start()
		p.url = server.await("Slipway is ready at ")
		if still := alive(left.pids); len(still) > 0 {
			t.Fatalf("round %d, killed after %s: processes %v outlived their server", round, wait, still)
		}
		for _, name := range names {
			res, body := p.event("GET", "/fn/"+name+"/", "")
			checkAnswer(t, res, body, "here")
		}
	}
	if status := server.end(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d after SIGTERM", status)
	}
	if now := ownedBy(t, data); !now.empty() {
		t.Errorf("after %d kills and one stop in order there is still %+v", *kills, now)
	}
}

// TestStopWaitsForRequests: SIGTERM lets what is in flight finish.
func TestStopWaitsForRequests(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	server := startProcess(t, "serve", "--listen", "127.0.0.1:0", "--data", data)
	p := &platform{t: t, url: server.await("Slipway is ready at "), data: data}
	p.key = adminKey(t, data)
	p.deploy(goServer(t, `w.(http.Flusher).Flush(); time.Sleep(700*time.Millisecond); io.WriteString(w, "finished")`), "slow")

	res, err := http.Get(p.url + "/fn/slow/") // returns with the head, while the body is not made yet
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	ended := make(chan int)
	go func() { ended <- server.end(syscall.SIGTERM) }()
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != "finished" {
		t.Errorf("the request in flight got %q, %v", body, err)
	}
	if status := <-ended; status != 0 {
		t.Errorf("exit status %d", status)
	}
	if now := ownedBy(t, data); !now.empty() {
		t.Errorf("after stopping there is still %+v", now)
	}
}

// load is requests, one after the other from each of some clients, until it is stopped.
type load struct {
	done chan struct{}
	wg   sync.WaitGroup
	mu   sync.Mutex
	ok   int
}

func startLoad(url string, clients int) *load {
	l := &load{done: make(chan struct{})}
	for range clients {
		l.wg.Go(func() { l.client(url) })
	}
	return l
}

func (l *load) client(url string) {
	for {
		select {
		case <-l.done:
			return
		default:
		}
		res, err := http.Get(url)
		if err != nil {
			continue // the server is being killed: that is the point
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			l.mu.Lock()
			l.ok++
			l.mu.Unlock()
		}
	}
}

func (l *load) answered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ok
}

func (l *load) stop() {
	close(l.done)
	l.wg.Wait()
}
