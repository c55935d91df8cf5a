package ledger

import "time"

// bucket bounds how many starts are ordered: it holds a burst of tokens, and is filled
// at a rate.
type bucket struct {
	rate, burst float64
	tokens      float64
	at          time.Time // of tokens; zero is full
}

func newBucket(rate, burst int) bucket {
	return bucket{rate: float64(max(rate, 1)), burst: float64(max(burst, 1))}
}

func (b *bucket) fill(now time.Time) {
	if b.at.IsZero() {
		b.tokens = b.burst
	} else {
		b.tokens = min(b.burst, b.tokens+now.Sub(b.at).Seconds()*b.rate)
	}
	b.at = now
}

// ready says whether there is a token.
func (b *bucket) ready(now time.Time) bool {
	b.fill(now)
	return b.tokens >= 1
}

// take uses one up.
func (b *bucket) take() { b.tokens-- }

// next is when there will be a token; never before now.
func (b *bucket) next(now time.Time) time.Time {
	b.fill(now)
	if b.tokens >= 1 {
		return now
	}
	return now.Add(time.Duration((1-b.tokens)/b.rate*float64(time.Second)) + 1)
}
