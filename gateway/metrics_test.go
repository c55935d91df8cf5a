package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway"
	"github.com/slipway-run/slipway/sdk"
)

// scrape reads /metrics as Prometheus does.
func (w *world) scrape() map[string]*dto.MetricFamily {
	w.t.Helper()
	resp, body := w.call("GET", "/metrics", "")
	check(w.t, resp, body, 200, "slipway_build_info")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	must(w.t, err)
	return families
}

// metric is the value of the sample of a family that has these labels, -1 when none has.
func metric(families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	for _, m := range families[name].GetMetric() {
		has := map[string]string{}
		for _, l := range m.Label {
			has[l.GetName()] = l.GetValue()
		}
		matches := true
		for i := 0; i < len(labels); i += 2 {
			matches = matches && has[labels[i]] == labels[i+1]
		}
		if matches {
			return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return -1
}

func TestMetrics(t *testing.T) {
	w := newWorld(t)
	w.publish("hello", nil)
	invoker := w.newInvoker("a")
	for range 3 {
		w.event("GET", "/fn/hello", "")
	}
	w.call("POST", "/v1/functions/hello/invocations", "{}")
	invoker.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) {
		return &slipway.Response{FunctionError: &slipway.FunctionError{Type: slipway.ErrorTypeExit, Message: "x"}}, nil
	})
	w.event("GET", "/fn/hello", "")
	invoker.handle(func(context.Context, *slipway.Request) (*slipway.Response, error) {
		return nil, slipway.Errorf(slipway.ErrLimit, "x")
	})
	w.event("GET", "/fn/hello", "")
	w.event("GET", "/fn/nobody", "")
	invoker.publish(func(s *slipway.InvokerState) {
		s.Versions = []slipway.VersionCount{{VersionRef: slipway.VersionRef{Tenant: "default", Function: "hello", Version: 1}, Instances: 5, Starting: 1, Asleep: 2, Reclaimed: 1, Waiting: 7}}
	})
	must(t, invoker.knownAs(func(s slipway.InvokerState) bool { return len(s.Versions) == 1 }))

	got := w.scrape()
	for name, want := range map[string]float64{
		"slipway_events_total function hello kind http outcome ok":             3,
		"slipway_events_total function hello kind http outcome function_error": 1,
		"slipway_events_total function hello kind http outcome platform_error": 1,
		"slipway_events_total function hello kind invoke outcome ok":           1,
		"slipway_http_answers_total function hello class 2xx":                  3,
		"slipway_platform_errors_total function hello code limit":              1,
		"slipway_events_without_function_total":                                1,
		"slipway_events_in_flight function hello":                              0,
		"slipway_event_run_seconds function hello":                             5,
		"slipway_instances function hello state awake":                         2,
		"slipway_instances function hello state frozen":                        1,
		"slipway_instances function hello state reclaimed":                     1,
		"slipway_instances function hello state starting":                      1,
		"slipway_events_waiting function hello":                                7,
		"slipway_invoker_up invoker a":                                         1,
		"slipway_store_up":                                                     1,
	} {
		words := strings.Fields(name)
		if v := metric(got, words[0], words[1:]...); v != want {
			t.Errorf("%s is %v, want %v", name, v, want)
		}
	}
	status, err := w.api.Status(t.Context())
	must(t, err)
	if f := status.Functions[0]; f.Events != 6 || f.FunctionErrors != 1 || f.PlatformErrors != 1 {
		t.Errorf("the status says %+v", f)
	}
	must(t, w.api.DeleteFunction(t.Context(), "hello"))
	if v := metric(w.scrape(), "slipway_events_total", "function", "hello"); v != -1 {
		t.Errorf("a function that is gone still has %v events", v)
	}
}

// Names of all tenants are in it: the keys of other tenants are not enough.
func TestWhoReadsMetrics(t *testing.T) {
	w := newWorld(t)
	_, _, err := w.store.PutTenant(t.Context(), slipway.Tenant{Name: "other"})
	must(t, err)
	_, err = w.store.Tenants(t.Context())
	must(t, err)
	for _, c := range []struct {
		tenant, scope string
		status        int
	}{{"default", "metrics", 200}, {"default", "admin", 200}, {"default", "invoke", 403}, {"other", "admin", 403}, {"other", "metrics", 403}} {
		secret := "slipway_" + c.tenant + c.scope
		must(t, w.store.AddKey(t.Context(), slipway.Key{ID: c.tenant + c.scope, Tenant: c.tenant, Scopes: []string{c.scope}, Hash: hashOf(secret)}))
		resp, body := w.event("GET", "/metrics", "", "Authorization", "Bearer "+secret)
		if resp.StatusCode != c.status {
			t.Errorf("%s of %s: %s %s", c.scope, c.tenant, resp.Status, body)
		}
		if client := sdk.New(w.url, secret); c.scope == "metrics" {
			if _, err := client.Functions(t.Context(), slipway.Page{}); slipway.Code(err) != "forbidden" {
				t.Errorf("a key for metrics lists functions: %v", err)
			}
		}
	}
	resp, body := w.event("GET", "/metrics", "")
	check(t, resp, body, http.StatusUnauthorized, "key")

	open := newWorld(t, func(c *gateway.Config) { c.OpenMetrics = true })
	resp, body = open.event("GET", "/metrics", "")
	check(t, resp, body, 200, "slipway_build_info")
}
