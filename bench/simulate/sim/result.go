package sim

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// Result is what a simulation measured.
type Result struct {
	Policy  string `json:"policy"`
	Routing string `json:"routing"`

	Invocations int `json:"invocations"` // measured: those that arrive after the begin that is skipped
	Cold        int `json:"cold"`        // waited for a start of their own
	Waited      int `json:"waited"`      // for a start or for another invocation's end
	Thawed      int `json:"thawed"`      // waited for an instance that was frozen
	Refused     int `json:"refused"`
	Starts      int `json:"starts"`
	Thaws       int `json:"thaws"`
	Evicted     int `json:"evicted"` // closed to make room
	Events      int `json:"events"`  // of the simulation

	WaitP50 time.Duration `json:"wait_p50_ns"`
	WaitP99 time.Duration `json:"wait_p99_ns"`
	WaitMax time.Duration `json:"wait_max_ns"`
	// ColdQ3 is, of the functions' shares of cold invocations, the 75th percentile, in percent.
	ColdQ3 float64 `json:"function_cold_q3_percent"`

	Memory Memory `json:"memory_gib_hours"`

	waits    quantiles
	launched int
}

// Memory is GiB·hours, by what the memory was held for.
type Memory struct {
	Total     float64 `json:"total"`
	Starting  float64 `json:"starting"`
	Busy      float64 `json:"busy"`
	Idle      float64 `json:"idle"`
	Frozen    float64 `json:"frozen"`
	Reclaimed float64 `json:"reclaimed"` // what reclaimed instances hold still
}

// ColdPercent is the share of cold invocations.
func (r *Result) ColdPercent() float64 { return percent(r.Cold, r.Invocations) }

// WaitedPercent is the share of those that waited for a start or for a slot.
func (r *Result) WaitedPercent() float64 { return percent(r.Waited, r.Invocations) }

// ThawedPercent is the share of those that waited for a frozen instance.
func (r *Result) ThawedPercent() float64 { return percent(r.Thawed, r.Invocations) }

func percent(part, of int) float64 { return 100 * float64(part) / float64(max(of, 1)) }

// began counts an invocation that begins to run.
func (r *Result) began(wait time.Duration, how how) {
	r.Invocations++
	r.waits.add(wait)
	switch how {
	case cold:
		r.Cold++
		r.Waited++
	case queued:
		r.Waited++
	case thawed:
		r.Thawed++
	}
}

func (r *Result) finish(w *World) {
	r.WaitP50, r.WaitP99, r.WaitMax = r.waits.at(0.5), r.waits.at(0.99), r.waits.most
	r.ColdQ3 = coldQ3(w.functions)
	of := w.meter.gibHours
	m := Memory{Starting: of(starting), Busy: of(busy), Idle: of(idle, closing), Frozen: of(frozen), Reclaimed: w.cfg.Kept * of(reclaimed)}
	m.Total = m.Starting + m.Busy + m.Idle + m.Frozen + m.Reclaimed
	r.Memory = m
}

func coldQ3(functions []function) float64 {
	var shares []float64
	for _, f := range functions {
		if f.calls > 0 {
			shares = append(shares, percent(f.cold, f.calls))
		}
	}
	if len(shares) == 0 {
		return 0
	}
	slices.Sort(shares)
	return shares[len(shares)*3/4]
}

// quantiles is a histogram of durations whose buckets are 1/32 of their value wide.
type quantiles struct {
	buckets [64 * 32]int
	n       int
	most    time.Duration
}

func (q *quantiles) add(d time.Duration) {
	q.n++
	q.most = max(q.most, d)
	q.buckets[bucket(d)]++
}

func bucket(d time.Duration) int {
	if d < 32 {
		return int(max(d, 0))
	}
	exponent := bits.Len64(uint64(d)) - 6 // the value has six digits of two left
	return (exponent+1)*32 + int(uint64(d)>>exponent) - 32
}

// at is the value below which the share u of all lies, to the upper end of its bucket.
func (q *quantiles) at(u float64) time.Duration {
	rank := int(math.Ceil(u * float64(q.n)))
	for i, n := range q.buckets {
		if rank -= n; rank <= 0 {
			return upper(i)
		}
	}
	return q.most
}

func upper(i int) time.Duration {
	if i < 32 {
		return time.Duration(i)
	}
	exponent := i/32 - 1
	return time.Duration(i%32+32+1)<<exponent - 1
}
