package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

var metricRE = regexp.MustCompile(`slipway_[a-z][a-z_]*[a-z]`)

// TestDashboardShowsWhatThereIs: the dashboard is JSON and, as the page of the reference,
// names no metric that does not exist; and the page names all of them.
func TestDashboardShowsWhatThereIs(t *testing.T) {
	exists := map[string]bool{}
	for _, path := range []string{"../../gateway/metrics/collect.go", "../../gateway/metrics/set.go", "../../gateway/metrics.go", "measure.go"} {
		for _, name := range metricRE.FindAllString(read(t, path), -1) {
			exists[name] = true
		}
	}
	dashboard, page := read(t, "../../deploy/grafana/slipway.json"), read(t, "../../docs/reference/metrics.md")
	if !json.Valid([]byte(dashboard)) || len(exists) < 20 {
		t.Fatalf("the dashboard is no JSON, or there are but %d metrics", len(exists))
	}
	page = strings.NewReplacer("`…_queue_seconds`", "slipway_event_queue_seconds", "`…_start_seconds`", "slipway_event_start_seconds", "`…_run_seconds`", "slipway_event_run_seconds",
		"`…_vcpus`", "slipway_invoker_vcpus", "`…_memory_bytes`", "slipway_invoker_memory_bytes", "`…_free_memory_bytes`", "slipway_invoker_free_memory_bytes").Replace(page)
	for _, name := range metricRE.FindAllString(dashboard+page, -1) {
		if !exists[strings.TrimSuffix(name, "_bucket")] {
			t.Errorf("%s is named and does not exist", name)
		}
	}
	for name := range exists {
		if !strings.Contains(page, name) {
			t.Errorf("docs/reference/metrics.md does not name %s", name)
		}
	}
}

// lintMetrics holds what a gateway shows against the conventions of Prometheus.
func lintMetrics(t *testing.T, text string) {
	t.Helper()
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
