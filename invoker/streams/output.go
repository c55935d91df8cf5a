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
	o.readers.Go(func() {
		defer r.Close()
		o.read(r, name)
	})
	return w, nil
}

func (o *Output) read(r *os.File, stream string) {
	buf := make([]byte, readSize)
	var partial []byte // a line whose end has not come yet
	allowance := allowance{left: outputBurst, at: time.Now()}
	for {
		n, err := r.Read(buf)
		if n > 0 {
			o.tail.write(buf[:n])
			partial = o.split(stream, partial, buf[:n])
			allowance.spend(n, o.ended)
		}
		if err != nil {
			if len(partial) > 0 {
				o.print(stream, partial)
			}
			return
		}
	}
}

// split prints the lines that are complete, and gives what is left.
func (o *Output) split(stream string, partial, p []byte) []byte {
	for {
		i := bytes.IndexByte(p, '\n')
		piece := p
		if i >= 0 {
			piece = p[:i]
		}
		for len(partial)+len(piece) > maxLine {
			room := maxLine - len(partial)
			o.print(stream, append(partial, piece[:room]...))
			partial, piece = partial[:0], piece[room:]
		}
		if i < 0 {
			return append(partial, piece...)
		}
		if len(partial) > 0 {
			piece = append(partial, piece...)
			partial = partial[:0]
		}
		o.print(stream, piece)
		p = p[i+1:]
	}
}

func (o *Output) print(stream string, text []byte) {
	o.line(stream, string(bytes.TrimSuffix(bytes.ToValidUTF8(text, []byte("\uFFFD")), []byte("\r"))))
}

// Tail is the last 4 KiB that were printed, of all streams.
func (o *Output) Tail() string { return o.tail.String() }

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
