package packager

import (
	"io"
	"sync"

	slipway "github.com/slipway-run/slipway"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// progress turns bytes that come into build events: about a hundred of them for a
// step, however many reads that takes.
type progress struct {
	emit  func(slipway.BuildEvent)
	total int64

	mu         sync.Mutex
	done, told int64
}

// newProgress is for storing the layers of an image. Which step of the build that
// belongs to is the caller's to say.
func newProgress(img v1.Image, emit func(slipway.BuildEvent)) (*progress, error) {
	manifest, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	p := &progress{emit: emit}
	for _, layer := range manifest.Layers {
		p.total += layer.Size
	}
	return p, nil
}

// add reports n more bytes. Events are emitted under the lock, so that they come in order.
func (p *progress) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if p.done-p.told > p.total/100 || p.done == p.total && p.told != p.done {
		p.told = p.done
		p.emit(slipway.BuildEvent{Done: p.done, Total: p.total})
	}
}

// countingReader tells how many bytes each read brought.
type countingReader struct {
	io.Reader
	count func(int64)
}

func (r countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.count(int64(n))
	return n, err
}
