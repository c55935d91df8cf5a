package streams

import (
	"strings"
	"sync"
)

// tailSize is how much of what an instance printed last is kept, in bytes.
const tailSize = 4096

// tail keeps the last bytes written to it.
type tail struct {
	mu   sync.Mutex // guards what follows
	ring []byte     // made when something is written
	end  int        // bytes ever written
}

func (t *tail) write(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ring == nil {
		t.ring = make([]byte, tailSize)
	}
	if skip := len(p) - tailSize; skip > 0 {
		p, t.end = p[skip:], t.end+skip
	}
	at := t.end % tailSize
	n := copy(t.ring[at:], p)
	copy(t.ring, p[n:])
	t.end += len(p)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	if t.end > tailSize {
		at := t.end % tailSize
		b.Write(t.ring[at:])
		b.Write(t.ring[:at])
	} else {
		b.Write(t.ring[:t.end])
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

// LastLines is the end of text: whole lines, at most limit bytes of them.
func LastLines(text string, limit int) string {
	text = strings.TrimRight(text, "\n")
	if len(text) <= limit {
		return text
	}
	cut := text[len(text)-limit:]
	if _, after, ok := strings.Cut(cut, "\n"); ok {
		return after
	}
	return strings.ToValidUTF8(cut, "")
}
