package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

// connection is one kept connection over which events are sent, one after the other.
type connection struct {
	conn    net.Conn
	r       *bufio.Reader
	request []byte
}

func connect(host, path string) (*connection, error) {
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	return &connection{conn, bufio.NewReader(conn), fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host)}, nil
}

// once sends an event and reads the answer.
func (c *connection) once(context.Context) (time.Duration, error) {
	began := time.Now()
	if _, err := c.conn.Write(c.request); err != nil {
		return 0, err
	}
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return 0, err
	}
	body, err := io.ReadAll(res.Body)
	took := time.Since(began)
	if err == nil && (res.StatusCode != http.StatusOK || !strings.Contains(string(body), "Hello")) {
		err = fmt.Errorf("%s: %.200s", res.Status, body)
	}
	return took, err
}

// measureEvents measures warm events.
func (b *bench) measureEvents(ctx context.Context, w io.Writer, server *rig.Server) error {
	dir, remove, err := rig.Folder("runtime")
	defer remove()
	if err != nil {
		return err
	}
	program, err := rig.Compile(ctx, "bench/runtime/program", dir)
	if err != nil {
		return err
	}
	port := rig.FreePort()
	plain, err := rig.StartProcess(program, port)
	if err != nil {
		return err
	}
	defer plain.Stop()
	if err := rig.AwaitAnswer(ctx, "127.0.0.1:"+port); err != nil {
		return err
	}
	direct, err := connect("127.0.0.1:"+port, "/")
	if err != nil {
		return err
	}
	defer direct.conn.Close()
	warm, all := []*contender{{name: "the program itself", once: direct.once}}, []*contender{}
	for _, protocol := range []string{"http", "lambda", "stdio"} {
		name := "events-" + protocol
		if err := deploy(ctx, server, name, filepath.Dir(program), fmt.Sprintf(`{"protocol":%q,"env":{"SPEAKS":%[1]q}}`, protocol)); err != nil {
			return err
		}
		c, err := connect(strings.TrimPrefix(server.URL, "http://"), "/fn/"+name+"/")
		if err != nil {
			return err
		}
		defer c.conn.Close()
		contender := &contender{name: "slipway, " + protocol, once: c.once}
		if all = append(all, contender); protocol != "stdio" {
			warm = append(warm, contender)
		}
	}
	if err := turns(ctx, b.events, warm); err != nil {
		return err
	}
	stdio := all[len(all)-1]
	if err := turns(ctx, max(1, b.events/10), []*contender{stdio}); err != nil {
		return err
	}
	report(w, "warm event → answer", "the program", append(warm, stdio))
	over := rig.Quantile(all[1].took, 50) - rig.Quantile(all[0].took, 50)
	fmt.Fprintf(w, "The Runtime API costs %d µs for each event (p50 of lambda less p50 of http).\n", over.Microseconds())
	return nil
}
