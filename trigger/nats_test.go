package trigger_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
)

func natsTrigger(name, subject, stream string) slipway.Trigger {
	return slipway.Trigger{Tenant: slipway.DefaultTenant, Name: name, Type: slipway.TriggerNATS, Enabled: true, Function: "f",
		NATS: &slipway.NATSTrigger{Subject: subject, Stream: stream}}
}

func (w *world) client() (*nats.Conn, jetstream.JetStream) {
	w.t.Helper()
	nc, err := nats.Connect(w.server.URL())
	must(w.t, err)
	w.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	must(w.t, err)
	return nc, js
}

// Plain messages reach one of two gateways each, once they listen.
func TestPlainMessages(t *testing.T) {
	w := newWorld(t, sqlite(t))
	a, _ := w.engine("a", true), w.engine("b", true)
	nc, _ := w.client()
	_, _, err := a.Put(t.Context(), natsTrigger("orders", "orders.*", ""))
	must(t, err)
	testenv.Eventually(t, patience, func() error { // both listen, from some moment on
		must(t, nc.PublishMsg(&nats.Msg{Subject: "orders.first", Header: nats.Header{"Nats-Msg-Id": {"first"}}, Data: []byte("hi")}))
		must(t, nc.Flush())
		if len(w.taker.taken()) == 0 {
			return fmt.Errorf("nobody listens")
		}
		return nil
	})
	first := w.wantEvents(1)[0] // however often it was published
	if string(first.Payload) != "hi" || first.Header["X-Slipway-Subject"][0] != "orders.first" {
		t.Errorf("the event is %+v", first)
	}
	for i := range 20 {
		must(t, nc.Publish("orders.more", fmt.Append(nil, i)))
	}
	w.wantEvents(21)
	must(t, nc.PublishMsg(&nats.Msg{Subject: "orders.ce", Data: []byte("x"), Header: nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {"7"}, "ce-source": {"/s"}, "ce-type": {"t"}, "content-type": {"text/plain"}}}))
	if last := w.wantEvents(22)[21]; last.Header["Ce-Id"][0] != "7" || last.ContentType != "text/plain" {
		t.Errorf("a cloudevent is %+v", last)
	}
}

// A message of a stream becomes one event, although it is delivered again, and one that
// came while nothing ran too.
func TestStreamMessages(t *testing.T) {
	w := newWorld(t, sqlite(t))
	e := w.engine("a", true)
	_, js := w.client()
	_, _, err := e.Put(t.Context(), natsTrigger("orders", "orders.paid", "ORDERS"))
	must(t, err)
	testenv.Eventually(t, patience, func() error { // the stream does not exist: that is said
		if s := w.status("orders"); s.LastError != `stream "ORDERS" does not exist` {
			return fmt.Errorf("status %+v", s)
		}
		return nil
	})
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}})
	must(t, err)
	_, _, err = e.Put(t.Context(), natsTrigger("orders", "orders.paid", "ORDERS")) // which tries at once
	must(t, err)
	publish := func(text string) {
		t.Helper()
		_, err := js.Publish(t.Context(), "orders.paid", []byte(text))
		must(t, err)
	}
	testenv.Eventually(t, patience, func() error {
		_, err := js.Consumer(t.Context(), "ORDERS", "slipway--default--orders")
		return err
	})
	w.taker.refuse(slipway.Errorf(slipway.ErrUnavailable, "the disk is full"))
	publish("one")
	testenv.Eventually(t, patience, func() error {
		w.taker.mu.Lock()
		defer w.taker.mu.Unlock()
		if w.taker.offers == 0 {
			return fmt.Errorf("it was not offered")
		}
		return nil
	})
	w.taker.refuse(nil)
	if one := w.wantEvents(1)[0]; string(one.Payload) != "one" {
		t.Errorf("the event is %+v", one)
	}
	e.stop()
	publish("two")
	e = w.engine("a", true)
	w.wantEvents(2)
	must(t, e.Delete(t.Context(), ref("orders")))
	if _, err := js.Consumer(t.Context(), "ORDERS", "slipway--default--orders"); err == nil {
		t.Error("the consumer is still there")
	}
}
