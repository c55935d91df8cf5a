package choose

import "github.com/slipway-run/slipway"

// load is one version on one invoker: what was reported, corrected by what this gateway
// sent and got back since.
type load struct {
	reported slipway.VersionCount
	flying   int // events of this gateway that are there now
	counted  int // those that were there when the report came
}

func (l *load) free() int {
	if l == nil {
		return 0
	}
	return l.reported.Free - l.reported.Waiting - (l.flying - l.counted)
}

// instances is how many there are, or will be when the events under way have caused
// their starts.
func (l *load) instances(concurrency int) int {
	if l == nil {
		return 0
	}
	concurrency = max(concurrency, 1)
	return max(l.reported.Instances, min((l.flying+concurrency-1)/concurrency, l.reported.Instances+max(0, -l.free())))
}

// pressure is how many events there are for each instance.
func (l *load) pressure(concurrency int) float64 {
	n := l.instances(concurrency)
	if n == 0 {
		return 0
	}
	return float64(l.reported.Waiting+l.flying) / float64(n)
}
