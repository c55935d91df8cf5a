package sdk

import (
	"net/http"
	"strconv"
	"strings"
)

// Report is where the time of an invocation went, in milliseconds, and what it used. Zero
// is what is not known, and of an answer that is streamed what came after its head.
type Report struct {
	ColdStart    bool    `json:"cold_start"`     // an instance was started for it
	RouteMS      float64 `json:"route_ms"`       // choosing an invoker
	QueueMS      float64 `json:"queue_ms"`       // waiting for an instance that was busy, or for room
	StartMS      float64 `json:"start_ms"`       // starting one
	RunMS        float64 `json:"run_ms"`         // the function's own time to its answer
	CPUMS        float64 `json:"cpu_ms"`         // processor time of the instance meanwhile
	MemoryPeakMB int     `json:"memory_peak_mb"` // MiB that the instance held at most
}

// newReport reads the head of an answer.
func newReport(h http.Header) Report {
	r := Report{ColdStart: h.Get("X-Slipway-Cold-Start") == "true"}
	r.MemoryPeakMB, _ = strconv.Atoi(h.Get("X-Slipway-Memory-Peak-Mb")) // 0 when it is missing
	metrics := map[string]*float64{"route": &r.RouteMS, "queue": &r.QueueMS, "start": &r.StartMS, "run": &r.RunMS, "cpu": &r.CPUMS}
	for metric := range strings.SplitSeq(h.Get("Server-Timing"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(metric), ";dur=")
		if at := metrics[name]; at != nil {
			*at, _ = strconv.ParseFloat(value, 64)
		}
	}
	return r
}
