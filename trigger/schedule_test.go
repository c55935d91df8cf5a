package trigger

import (
	"errors"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func parse(t *testing.T, text, zone string) schedule {
	t.Helper()
	s, err := parseSchedule(slipway.CronTrigger{Schedule: text, TimeZone: zone}, at(t, "2026-01-01T00:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNext(t *testing.T) {
	for _, c := range []struct {
		name, schedule, zone, after string
		want                        []string
	}{
		{"five fields", "0 3 * * *", "", "2026-03-01T02:59:59Z", []string{"2026-03-01T03:00:00Z", "2026-03-02T03:00:00Z"}},
		{"six fields", "*/20 * * * * *", "", "2026-03-01T00:00:30Z", []string{"2026-03-01T00:00:40Z", "2026-03-01T00:01:00Z"}},
		{"named", "@daily", "America/New_York", "2026-01-10T00:00:00Z", []string{"2026-01-10T05:00:00Z"}},
		{"weekdays", "30 9 * * MON-FRI", "Asia/Kolkata", "2026-03-06T12:00:00Z", []string{"2026-03-09T04:00:00Z"}},
		{"leap day", "0 0 29 2 *", "", "2026-01-01T00:00:00Z", []string{"2028-02-29T00:00:00Z"}},
		{"every", "@every 90s", "", "2026-01-01T00:01:00Z", []string{"2026-01-01T00:01:30Z", "2026-01-01T00:03:00Z"}},

		// Berlin puts its clocks on at 01:00 UTC on 29 March 2026, and back on 25 October.
		{"skipped hour, fixed", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		{"skipped twice is one", "0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
		{"skipped hour, elapsed", "30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", []string{"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"}},
		{"doubled hour, fixed", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		{"doubled hour, from within", "30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", []string{"2026-10-26T01:30:00Z"}},
		{"doubled hour, elapsed", "30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}},
		{"half an hour's change", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", []string{"2026-10-03T15:30:00Z"}},
		{"midnight that is skipped", "@daily", "America/Santiago", "2026-09-05T12:00:00Z", []string{"2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"}},
		{"west of the date line", "0 12 * * *", "Pacific/Kiritimati", "2026-03-01T00:00:00Z", []string{"2026-03-01T22:00:00Z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, now := parse(t, c.schedule, c.zone), at(t, c.after)
			for _, want := range c.want {
				next := s.next(now)
				if !next.Equal(at(t, want)) {
					t.Fatalf("after %v comes %v, want %s", now, next, want)
				}
				now = next
			}
		})
	}
}

// Every next is later than what it comes after, also within the hours that are changed.
func TestNextGrows(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca"} {
		for _, text := range []string{"*/7 1,2,3 * * *", "0 0,2 * * *", "*/13 * * * *", "@daily"} {
			s := parse(t, text, zone)
			for now, end := at(t, "2026-01-01T00:00:00Z"), at(t, "2027-01-01T00:00:00Z"); now.Before(end); {
				next := s.next(now)
				if !next.After(now) {
					t.Fatalf("%s in %s: after %v comes %v", text, zone, now, next)
				}
				now = next
			}
		}
	}
}

func TestParseScheduleRefuses(t *testing.T) {
	for text, zone := range map[string]string{
		"": "", "* * * *": "", "60 * * * *": "", "0 3 30 2 *": "", "@every 10": "", "@every 10ms": "", "@every -1s": "", "@never": "",
		"CRON_TZ=Asia/Tokyo 0 3 * * *": "", "0 3 * * *": "Mars/Base", "1 3 * * *": "Local", "2 3 * * *": "../etc/passwd", "* * * * * * *": "",
	} {
		if _, err := parseSchedule(slipway.CronTrigger{Schedule: text, TimeZone: zone}, time.Now()); !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("%q in %q: %v, want a refusal", text, zone, err)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, text := range []string{"0 3 * * *", "@every 10s", "*/5 1-3 ? JAN SUN", "@daily", "TZ=UTC * * * * *"} {
		f.Add(text, "Europe/Berlin")
	}
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text, zone string) {
		s, err := parseSchedule(slipway.CronTrigger{Schedule: text, TimeZone: zone}, now)
		if err != nil {
			return
		}
		if next := s.next(now); !next.IsZero() && !next.After(now) {
			t.Fatalf("%q: after %v comes %v", text, now, next)
		}
	})
}
