package ledger

import "time"

// rhythm is the mean of the last few gaps, and how far they are from it on average.
type rhythm struct {
	mean, deviation time.Duration
	seen            int
}

// A mean that is so many times the deviation is a rhythm; the last gap counts so much.
const (
	steadiness = 16
	lastCounts = 4
)

func (r *rhythm) add(gap time.Duration) {
	off := gap - r.mean
	r.seen = min(r.seen+1, lastCounts)
	r.mean += off / time.Duration(r.seen)
	if r.seen > 1 {
		r.deviation += (max(off, -off) - r.deviation) / time.Duration(r.seen-1)
	}
}

func (r *rhythm) steady() bool { return r.seen == lastCounts && r.mean >= steadiness*r.deviation }
