package invoker

import (
	"bytes"
	"context"
	"io"
	"time"
)

// Some servers of HTTP/2 say nothing before the client has, and close a connection that
// begins as HTTP/1.1 does. That looks like a crash. Before it is called one, a process
// that has never answered is asked in both ways.

// probeTime is how long a process has to answer a probe.
const probeTime = time.Second

const (
	probeHTTP1 = "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	// The client's part of the connection preface (RFC 9113, section 3.4), with empty settings.
	probeHTTP2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00" + settingsHead
)

// provesHTTP2 says whether the process answers HTTP/2 and not HTTP/1.1.
func (h *httpRunner) provesHTTP2(ctx context.Context) bool {
	return !h.answersHTTP1.Load() && isSettings(h.probe(ctx, probeHTTP2)) && !bytes.HasPrefix(h.probe(ctx, probeHTTP1), []byte("HTTP/"))
}

// probe is how the process begins to answer hello on a new connection; nil when it does
// not.
func (h *httpRunner) probe(ctx context.Context, hello string) []byte {
	conn, err := h.in.dial(ctx, h.address)
	if err != nil {
		return nil
	}
	defer conn.Close()
	if conn.SetDeadline(time.Now().Add(probeTime)) != nil {
		return nil
	}
	if _, err := io.WriteString(conn, hello); err != nil {
		return nil
	}
	sent := make([]byte, frameHead)
	if _, err := io.ReadFull(conn, sent); err != nil {
		return nil
	}
	return sent
}
