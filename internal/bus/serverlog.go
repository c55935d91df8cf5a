package bus

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// What connections do wrong is in their power: a wrong token, a message that is too large,
// no protocol at all. It must not fill the disk with lines.
const (
	clientLines = 10 // in each clientSpan
	clientSpan  = time.Minute
)

// serverLog turns the server's own log into ours. Its notices are its business.
type serverLog struct {
	log *slog.Logger

	mu      sync.Mutex // guards what follows
	began   time.Time  // the present span
	said    int        // lines about connections in it
	skipped int
}

func (l *serverLog) say(level slog.Level, format string, v []any) {
	if !l.log.Enabled(context.Background(), level) {
		return
	}
	text := fmt.Sprintf(format, v...)
	if strings.Contains(text, " - cid:") { // it is about a connection
		level = min(level, slog.LevelWarn)
		ok, skipped := l.allow(time.Now())
		if !ok {
			return
		}
		if skipped > 0 {
			l.log.Warn("nats server: lines about connections were left out", "lines", skipped)
		}
	}
	l.log.Log(context.Background(), level, "nats server", "text", text)
}

// allow says whether one more line about a connection is written, and how many were not in
// the span that is over.
func (l *serverLog) allow(now time.Time) (ok bool, skipped int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.began) >= clientSpan {
		skipped = l.skipped
		l.began, l.said, l.skipped = now, 0, 0
	}
	if l.said >= clientLines {
		l.skipped++
		return false, 0
	}
	l.said++
	return true, skipped
}

func (l *serverLog) Fatalf(format string, v ...any)  { l.say(slog.LevelError, format, v) }
func (l *serverLog) Errorf(format string, v ...any)  { l.say(slog.LevelError, format, v) }
func (l *serverLog) Warnf(format string, v ...any)   { l.say(slog.LevelWarn, format, v) }
func (l *serverLog) Noticef(format string, v ...any) { l.say(slog.LevelDebug, format, v) }
func (l *serverLog) Debugf(string, ...any)           {}
func (l *serverLog) Tracef(string, ...any)           {}
