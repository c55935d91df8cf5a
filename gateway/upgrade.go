package gateway

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// halfOpen is how long a function may still send after its client has stopped sending
// on an upgraded connection.
const halfOpen = 10 * time.Second

// isUpgrade says whether the client asks to switch protocols, as WebSocket does
// (RFC 9110, section 7.8; HTTP/1.1 only). The upgrade to h2c, which clients offer to
// everyone and RFC 9113 has withdrawn, is not taken up.
func isUpgrade(r *http.Request) bool {
	protocol := r.Header.Get("Upgrade")
	if r.ProtoMajor != 1 || r.ContentLength != 0 || protocol == "" || strings.EqualFold(protocol, "h2c") {
		return false
	}
	return slices.Contains(fieldNames(r.Header["Connection"]), "Upgrade")
}

// fieldNames are the names in fields that list such, in canonical form.
func fieldNames(fields []string) []string {
	var names []string
	for _, field := range fields {
		for token := range strings.SplitSeq(field, ",") {
			names = append(names, http.CanonicalHeaderKey(strings.TrimSpace(token)))
		}
	}
	return names
}

// switchProtocols takes the connection over and joins it with the function's streams,
// until either side ends, the gateway stops, or the round trip is cancelled.
func (g *Gateway) switchProtocols(w http.ResponseWriter, r *http.Request, resp *slipway.Response, body eventBody, id string, cancel context.CancelFunc) {
	if body.feed == nil || resp.Body == nil {
		g.refuse(w, r, slipway.Errorf(slipway.ErrInternal, "the function switched protocols without being asked to"), id)
		return
	}
	h := w.Header()
	for name, values := range resp.Header {
		h[name] = values
	}
	h["X-Request-Id"] = []string{id}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		g.refuse(w, r, slipway.Errorf(slipway.ErrInternal, "take the connection over: %w", err), id)
		return
	}
	defer conn.Close()
	defer context.AfterFunc(g.life, func() { conn.Close() })()
	if err := writeSwitch(conn, h); err != nil {
		return
	}
	go func() {
		err := bus.Copy(body.feed, afterHead(conn, buffered.Reader))
		body.feed.CloseWithError(err) // nil is the end of the stream
		time.AfterFunc(halfOpen, cancel)
	}()
	_ = bus.Copy(conn, resp.Body) // an error of either means the end
}

// afterHead is what the client sends after the head of its request. Past what has come
// it is read from the connection: the server's reader would end the request's context
// when the client ends its half.
func afterHead(conn net.Conn, buffered *bufio.Reader) io.Reader {
	come, _ := buffered.Peek(buffered.Buffered())
	return io.MultiReader(bytes.NewReader(come), conn)
}

func writeSwitch(conn net.Conn, h http.Header) error {
	var head strings.Builder
	head.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	if err := h.Write(&head); err != nil {
		return err
	}
	head.WriteString("\r\n")
	_, err := io.WriteString(conn, head.String())
	return err
}
