package streams

import (
	"bytes"
	"os"
	"sync"
	"time"
)

const (
	maxLine  = 16 << 10 // bytes of a log line; longer ones are cut in pieces
	readSize = 8 << 10  // bytes read from a pipe at once
)

// An instance that prints faster than this for longer than the burst lasts is held
// back by its own pipe, so that a flood costs the platform neither memory nor a core.
const (
	outputRate  = 1 << 20 // bytes a second and stream
	outputBurst = 4 << 20 // bytes
)

// Output is what a process prints: line by line to whoever wants it, the end of it kept.
type Output struct {
	line     func(stream, text string)
	tail     tail
	readers  sync.WaitGroup
	ended    chan struct{} // closed by Stop: a flood is not held back any more
	stopOnce sync.Once

	mu      sync.Mutex // guards what follows
	streams []*stream
}

// New makes an Output that gives each line to line, which must not block for long, and may
// be called for two streams at once.
func New(line func(stream, text string)) *Output {
	return &Output{line: line, ended: make(chan struct{})}
}

// Stream makes the pipe of one standard stream and reads it until its end. The caller
// closes the end it gets once the process has it.
func (o *Output) Stream(name string) (*os.File, error) {
	r, w, err := FromProcess(name)
	if err != nil {
		return nil, err
	}
	s, err := newStream(o, name, r)
	if err != nil {
		Close(r, w)
		return nil, err
	}
	o.mu.Lock()
	o.streams = append(o.streams, s)
	o.mu.Unlock()
	o.readers.Go(s.follow)
	return w, nil
}

// CatchUp reads what the process has written until now: when it returns, that has been
// given to line.
func (o *Output) CatchUp() {
	o.mu.Lock()
	streams := o.streams
	o.mu.Unlock()
	for _, s := range streams {
		s.catchUp()
	}
}

func (o *Output) print(stream string, text []byte) {
	o.line(stream, string(bytes.TrimSuffix(bytes.ToValidUTF8(text, []byte("\uFFFD")), []byte("\r"))))
}

// Tail is the last 4 KiB that were printed, of all streams.
func (o *Output) Tail() string { return o.tail.String() }

// Printed is how many bytes were read until now, of all streams.
func (o *Output) Printed() int64 { return int64(o.tail.length()) }

// TailSince is the end of what was printed after the first n bytes, at most 4 KiB.
func (o *Output) TailSince(n int64) string { return o.tail.since(int(n)) }

// Settle waits until everything that was printed has been read, or for limit.
func (o *Output) Settle(limit time.Duration) {
	done := make(chan struct{})
	go func() { o.readers.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(limit):
	}
}

// Stop waits for the readers; the processes that could write are gone.
func (o *Output) Stop() {
	o.stopOnce.Do(func() { close(o.ended) })
	o.readers.Wait()
}

// allowance is a token bucket of bytes.
type allowance struct {
	left int
	at   time.Time
}

func newAllowance() *allowance { return &allowance{left: outputBurst, at: time.Now()} }

// spend takes n bytes, and waits when there are not so many, or until ended.
func (a *allowance) spend(n int, ended <-chan struct{}) {
	if a.left -= n; a.left > 0 {
		return
	}
	now := time.Now()
	a.left = min(outputBurst, a.left+int(now.Sub(a.at).Seconds()*outputRate))
	a.at = now
	if a.left >= 0 {
		return
	}
	select {
	case <-time.After(time.Duration(-a.left) * time.Second / outputRate):
	case <-ended:
	}
}
