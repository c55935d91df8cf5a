package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/metrics"
)

// scrape reads the set as Prometheus does.
func scrape(t testing.TB, s *metrics.Set) map[string]*dto.MetricFamily {
	t.Helper()
	answer := httptest.NewRecorder()
	s.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 200 {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// value is the one sample of a family with these labels, -1 when there is none.
func value(families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	for _, m := range families[name].GetMetric() {
		got := map[string]string{}
		for _, l := range m.Label {
			got[l.GetName()] = l.GetValue()
		}
		matches := true
		for i := 0; i < len(labels); i += 2 {
			matches = matches && got[labels[i]] == labels[i+1]
		}
		if matches {
			return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return -1
}

func refs(n int) []slipway.FunctionRef {
	all := make([]slipway.FunctionRef, n)
	for i := range all {
		all[i] = slipway.FunctionRef{Tenant: "default", Function: fmt.Sprintf("f%05d", i)}
	}
	return all
}

func TestOutcomesAreKeptApart(t *testing.T) {
	s := metrics.New("v1")
	f := refs(1)[0]
	m := s.Follow(refs(1))[f]
	m.Begin()
	m.Answered(metrics.HTTP, &slipway.Response{Status: 200, Phases: slipway.Phases{Run: 3 * time.Millisecond}}, time.Microsecond)
	m.Answered(metrics.HTTP, &slipway.Response{Status: 503}, 0)
	m.Answered(metrics.Async, &slipway.Response{FunctionError: &slipway.FunctionError{}, ColdStart: true, Phases: slipway.Phases{Start: time.Hour}}, 0)
	m.Refused(metrics.Invoke, slipway.Errorf(slipway.ErrLimit, "x"), false)
	m.Refused(metrics.Invoke, errors.New("no kind"), false)
	m.Refused(metrics.Invoke, slipway.Errorf(slipway.ErrTooLarge, "x"), false)
	m.Refused(metrics.Invoke, slipway.Errorf(slipway.ErrUnavailable, "x"), true)
	s.Lost(slipway.Errorf(slipway.ErrNotFound, "x"))
	got := scrape(t, s)
	for name, want := range map[string]float64{
		"slipway_events_total kind http outcome ok":                2,
		"slipway_events_total kind async outcome function_error":   1,
		"slipway_events_total kind invoke outcome platform_error":  2,
		"slipway_events_total kind invoke outcome client_error":    2,
		"slipway_events_total kind http outcome function_error":    0,
		"slipway_events_total kind webhook outcome ok":             -1,
		"slipway_http_answers_total class 2xx":                     1,
		"slipway_http_answers_total class 5xx":                     1,
		"slipway_platform_errors_total code limit":                 1,
		"slipway_platform_errors_total code internal":              1,
		"slipway_platform_errors_total code unavailable":           0,
		"slipway_cold_starts_total tenant default function f00000": 1,
		"slipway_events_in_flight":                                 1,
		"slipway_event_run_seconds":                                3,
		"slipway_event_start_seconds":                              1,
		"slipway_events_without_function_total":                    1,
		"slipway_build_info version v1":                            1,
	} {
		words := strings.Fields(name)
		if v := value(got, words[0], words[1:]...); v != want {
			t.Errorf("%s is %v, want %v", name, v, want)
		}
	}
	if got["go_goroutines"] == nil || got["process_resident_memory_bytes"] == nil {
		t.Error("the collectors of Go and of the process are missing")
	}
	if tally := m.Tally(); tally != (metrics.Tally{Events: 7, FunctionErrors: 1, PlatformErrors: 2}) {
		t.Errorf("tally %+v", tally)
	}
}

func TestHistogram(t *testing.T) {
	s := metrics.New("v1")
	m := s.Follow(refs(1))[refs(1)[0]]
	for _, run := range []time.Duration{-1, 0, 100 * time.Microsecond, 101 * time.Microsecond, time.Minute, time.Hour} {
		m.Answered(metrics.HTTP, &slipway.Response{Status: 200, Phases: slipway.Phases{Run: run}}, 0)
	}
	h := scrape(t, s)["slipway_event_run_seconds"].Metric[0].Histogram
	below := map[float64]uint64{}
	for _, b := range h.Bucket {
		below[b.GetUpperBound()] = b.GetCumulativeCount()
	}
	if h.GetSampleCount() != 6 || below[0.0001] != 3 || below[0.00025] != 4 || below[60] != 5 || h.GetSampleSum() < 3660 || h.GetSampleSum() > 3661 {
		t.Errorf("the histogram is %v", h)
	}
}

// However many functions there are, the series are bounded, and nothing is lost from sums.
func TestSeriesAreBounded(t *testing.T) {
	s := metrics.New("v1")
	n := metrics.MaxFunctions + 50
	for _, m := range s.Follow(refs(n)) {
		m.Answered(metrics.HTTP, &slipway.Response{Status: 200}, 0)
	}
	got := scrape(t, s)
	functions := map[string]bool{}
	for _, m := range got["slipway_cold_starts_total"].Metric {
		functions[m.Label[0].GetValue()+m.Label[1].GetValue()] = true
	}
	if len(functions) != metrics.MaxFunctions+1 {
		t.Errorf("%d functions are shown", len(functions))
	}
	if v := value(got, "slipway_events_total", "function", metrics.Others, "kind", "http", "outcome", "ok"); v != 50 {
		t.Errorf("the others had %v events, want 50", v)
	}
	kept := s.Follow(refs(1))[refs(1)[0]]
	if kept.Tally().Events != 1 {
		t.Error("a function that stays has lost its counts")
	}
	if got := scrape(t, s); len(got["slipway_cold_starts_total"].Metric) != 1 {
		t.Error("functions that are gone are still shown")
	}
}

func TestSources(t *testing.T) {
	s := metrics.New("v1")
	s.Add(func(context.Context) []metrics.Family {
		return []metrics.Family{{Name: "x_total", Help: "h", Counter: true, Labels: []string{"a"}, Samples: []metrics.Sample{{Labels: []string{"ü\"\n\\"}, Value: 3}}},
			{Name: "y", Help: "h", Samples: []metrics.Sample{{Value: 1.5}}}}
	})
	got := scrape(t, s)
	if value(got, "x_total", "a", "ü\"\n\\") != 3 || value(got, "y") != 1.5 || got["x_total"].GetType() != dto.MetricType_COUNTER {
		t.Errorf("got %v and %v", got["x_total"], got["y"])
	}
}

// To count allocates nothing.
func TestCountingIsQuiet(t *testing.T) {
	m := metrics.New("v1").Follow(refs(1))[refs(1)[0]]
	resp := &slipway.Response{Status: 200, Phases: slipway.Phases{Run: time.Millisecond}}
	if n := testing.AllocsPerRun(100, func() { m.Begin(); m.Answered(metrics.HTTP, resp, time.Microsecond); m.End() }); n != 0 {
		t.Errorf("an event costs %v allocations", n)
	}
}

func BenchmarkCount(b *testing.B) {
	m := metrics.New("v1").Follow(refs(1))[refs(1)[0]]
	resp := &slipway.Response{Status: 200, Phases: slipway.Phases{Run: time.Millisecond}}
	for b.Loop() {
		m.Begin()
		m.Answered(metrics.HTTP, resp, time.Microsecond)
		m.End()
	}
}
