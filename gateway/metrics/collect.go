package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/slipway-run/slipway"
)

var ofFunction = []string{"tenant", "function"}

func desc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append(ofFunction[:len(ofFunction):len(ofFunction)], more...), nil)
}

var (
	eventsDesc   = desc("slipway_events_total", "Events by how they came and what became of them.", "kind", "outcome")
	statusDesc   = desc("slipway_http_answers_total", "Answers of the function to HTTP events, by the class of their status.", "class")
	errorsDesc   = desc("slipway_platform_errors_total", "Events that the platform could not run, by the code of the error.", "code")
	coldDesc     = desc("slipway_cold_starts_total", "Events that waited for an instance that was started for them.")
	inFlightDesc = desc("slipway_events_in_flight", "Events that have found their function and have no outcome yet, at this gateway.")
	routeDesc    = desc("slipway_event_route_seconds", "Time to choose an invoker.")
	queueDesc    = desc("slipway_event_queue_seconds", "Time that an event waited for an instance that was busy, or for room.")
	startDesc    = desc("slipway_event_start_seconds", "Time that an event waited for an instance to start, of cold starts.")
	runDesc      = desc("slipway_event_run_seconds", "The function's own time to the head of its answer.")
	lostDesc     = prometheus.NewDesc("slipway_events_without_function_total", "HTTP events for a function that does not exist, or that could not be sent to it.", nil, nil)
)

// named is a meter and whose it is.
type named struct {
	ref   slipway.FunctionRef
	meter *Meter
}

// collect shows what n has counted. What is zero and may stay so is left out.
func (n named) collect(out chan<- prometheus.Metric) {
	m := n.meter
	for kind := range m.events {
		if kind > int(Invoke) && m.events[kind][ok].Load()+m.events[kind][functionError].Load()+m.events[kind][platformError].Load()+m.events[kind][clientError].Load() == 0 {
			continue
		}
		for i := range m.events[kind] {
			n.counter(out, eventsDesc, m.events[kind][i].Load(), kindNames[kind], outcomeNames[i])
		}
	}
	for class := 1; class < classes; class++ {
		n.counter(out, statusDesc, m.status[class].Load(), strconv.Itoa(class)+"xx")
	}
	for i := range m.errors {
		n.counter(out, errorsDesc, m.errors[i].Load(), codes[i])
	}
	n.counter(out, coldDesc, m.cold.Load())
	out <- prometheus.MustNewConstMetric(inFlightDesc, prometheus.GaugeValue, float64(m.inFlight.Load()), n.labels()...)
	n.histogram(out, routeDesc, &m.route)
	n.histogram(out, queueDesc, &m.queue)
	n.histogram(out, startDesc, &m.start)
	n.histogram(out, runDesc, &m.run)
}

func (n named) labels(more ...string) []string {
	return append([]string{n.ref.Tenant, n.ref.Function}, more...)
}

func (n named) counter(out chan<- prometheus.Metric, d *prometheus.Desc, value int64, more ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), n.labels(more...)...)
}

// histogram shows one that has counted something.
func (n named) histogram(out chan<- prometheus.Metric, d *prometheus.Desc, h *histogram) {
	if count, sum, below := h.read(); count > 0 {
		out <- prometheus.MustNewConstHistogram(d, count, sum, below, n.labels()...)
	}
}
