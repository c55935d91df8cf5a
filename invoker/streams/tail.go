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

// length is how many bytes were ever written.
func (t *tail) length() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.end
}

func (t *tail) String() string { return t.since(0) }

// since is what was written after the first n bytes, or the end of it.
func (t *tail) since(n int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	size := min(t.end-n, tailSize)
	if size <= 0 {
		return ""
	}
	var b strings.Builder
	from := (t.end - size) % tailSize
	b.Write(t.ring[from:min(from+size, tailSize)])
	if wrapped := from + size - tailSize; wrapped > 0 {
		b.Write(t.ring[:wrapped])
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
