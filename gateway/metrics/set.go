package metrics

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/slipway-run/slipway"
)

// MaxFunctions is how many functions have series of their own at one gateway.
const MaxFunctions = 1000

// Others is the function that stands for all beyond MaxFunctions.
const Others = "(others)"

// Set is everything that is shown.
type Set struct {
	registry *prometheus.Registry
	refused  Meter // events that found no function

	mu      sync.Mutex // guards what follows
	meters  map[slipway.FunctionRef]*Meter
	sources []Source
}

// Source reads what somebody else counts, when metrics are read.
type Source func(ctx context.Context) []Family

// Family is the samples of one metric. All samples of it have as many values as there are
// labels.
type Family struct {
	Name, Help string
	Counter    bool // else it is a gauge
	Labels     []string
	Samples    []Sample
}

// Sample is one value.
type Sample struct {
	Labels []string // values
	Value  float64
}

// New makes a set. build is the version of the binary.
func New(build string) *Set {
	s := &Set{registry: prometheus.NewRegistry(), meters: map[slipway.FunctionRef]*Meter{}}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "slipway_build_info", Help: "The version of this binary; always 1.", ConstLabels: prometheus.Labels{"version": build}})
	info.Set(1)
	s.registry.MustRegister(info, s,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s
}

// Add has the set show what source reads. Names of families are its own.
func (s *Set) Add(source Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sources = append(s.sources, source)
}

// Follow gives a meter to each of the functions, the same as before to those that had one,
// and forgets all others.
func (s *Set) Follow(functions []slipway.FunctionRef) map[slipway.FunctionRef]*Meter {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := make(map[slipway.FunctionRef]*Meter, len(functions))
	for _, ref := range functions {
		if now[ref] = s.meters[ref]; now[ref] == nil {
			now[ref] = &Meter{}
		}
	}
	s.meters = now
	return now
}

// Lost counts an event that found no function.
func (s *Set) Lost(err error) { s.refused.Refused(HTTP, err, false) }

// Handler answers with all metrics.
func (s *Set) Handler() http.Handler {
	return promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// Describe implements prometheus.Collector: what there is depends on the functions.
func (s *Set) Describe(chan<- *prometheus.Desc) {}

// sourceTime bounds the reading of all sources.
const sourceTime = 5 * time.Second

// Collect implements prometheus.Collector.
func (s *Set) Collect(out chan<- prometheus.Metric) {
	s.mu.Lock()
	sources := slices.Clone(s.sources)
	s.mu.Unlock()
	for _, one := range s.shown() {
		one.collect(out)
	}
	out <- prometheus.MustNewConstMetric(lostDesc, prometheus.CounterValue, float64(s.refused.Tally().Events))
	ctx, cancel := context.WithTimeout(context.Background(), sourceTime)
	defer cancel()
	for _, source := range sources {
		for _, family := range source(ctx) {
			family.collect(out)
		}
	}
}

// shown are the meters by tenant and function, those beyond MaxFunctions as one.
func (s *Set) shown() []named {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]named, 0, len(s.meters))
	for ref, m := range s.meters {
		all = append(all, named{ref, m})
	}
	slices.SortFunc(all, func(a, b named) int {
		return cmp.Or(cmp.Compare(a.ref.Tenant, b.ref.Tenant), cmp.Compare(a.ref.Function, b.ref.Function))
	})
	if len(all) <= MaxFunctions {
		return all
	}
	rest := named{slipway.FunctionRef{Tenant: Others, Function: Others}, &Meter{}}
	for _, one := range all[MaxFunctions:] {
		rest.meter.add(one.meter)
	}
	return append(all[:MaxFunctions:MaxFunctions], rest)
}

// collect shows a family. One that cannot be shown is an error of the whole reading, which
// says so.
func (f Family) collect(out chan<- prometheus.Metric) {
	desc, kind := prometheus.NewDesc(f.Name, f.Help, f.Labels, nil), prometheus.GaugeValue
	if f.Counter {
		kind = prometheus.CounterValue
	}
	for _, s := range f.Samples {
		m, err := prometheus.NewConstMetric(desc, kind, s.Value, s.Labels...)
		if err != nil {
			m = prometheus.NewInvalidMetric(desc, err)
		}
		out <- m
	}
}
