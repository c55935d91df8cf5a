package trigger

import (
	"strings"
	"time"
	_ "time/tzdata" // zones are known on machines that have no database of them

	"github.com/robfig/cron/v3"

	"github.com/slipway-run/slipway"
)

// schedule says when a trigger is due.
type schedule interface {
	// next is the first moment after t, to the second; zero when there is none.
	next(t time.Time) time.Time
}

// minEvery is the shortest interval of @every.
const minEvery = time.Second

// parseSchedule reads a schedule. anchor is where the intervals of @every begin.
func parseSchedule(c slipway.CronTrigger, anchor time.Time) (schedule, error) {
	zone, err := parseZone(c.TimeZone)
	if err != nil {
		return nil, err
	}
	if text, ok := strings.CutPrefix(c.Schedule, "@every "); ok {
		every, err := time.ParseDuration(strings.TrimSpace(text))
		if err != nil || every < minEvery {
			return nil, slipway.Errorf(slipway.ErrInvalid, "cron.schedule: %q is not allowed; write @every and a duration of at least %v, as in @every 10s", c.Schedule, minEvery)
		}
		return interval{every, anchor.Truncate(time.Second)}, nil
	}
	if strings.Contains(c.Schedule, "TZ=") {
		return nil, slipway.Errorf(slipway.ErrInvalid, "cron.schedule: %q names a time zone; name it in cron.time_zone", c.Schedule)
	}
	parser := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	parsed, err := parser.Parse(c.Schedule)
	spec, ok := parsed.(*cron.SpecSchedule)
	if err != nil || !ok {
		return nil, slipway.Errorf(slipway.ErrInvalid, "cron.schedule: %q cannot be read: %v; write minute, hour, day of month, month and day of week, as in '0 3 * * *', or @hourly, @daily, @every 10s", c.Schedule, err)
	}
	spec.Location = zone
	var s schedule = elapsed{spec}
	if fixedHours(c.Schedule) {
		wall := *spec
		wall.Location = time.UTC
		s = fixed{&wall, zone}
	}
	if s.next(anchor).IsZero() {
		return nil, slipway.Errorf(slipway.ErrInvalid, "cron.schedule: %q is never due within the next five years", c.Schedule)
	}
	return s, nil
}

func parseZone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" { // which is another one on every machine
		return nil, slipway.Errorf(slipway.ErrInvalid, "cron.time_zone: %q is not known; it must be a name of the IANA database, as in Europe/Berlin", name)
	}
	return zone, nil
}

// fixedHours says whether the schedule names hours, rather than meaning every so many:
// those of the first kind are what a person reads off a clock on the wall.
func fixedHours(text string) bool {
	if strings.HasPrefix(text, "@") {
		return text != "@hourly"
	}
	fields := strings.Fields(text)
	return !strings.HasPrefix(fields[len(fields)-4], "*") && !strings.HasPrefix(fields[len(fields)-4], "?")
}

// interval is @every: so long after each other, beginning with the anchor.
type interval struct {
	every  time.Duration
	anchor time.Time
}

func (s interval) next(t time.Time) time.Time {
	if t.Before(s.anchor) {
		return s.anchor
	}
	return s.anchor.Add((t.Sub(s.anchor)/s.every + 1) * s.every)
}

// elapsed is due by the time that really passes: in an hour that comes twice it is due in
// both, in one that is skipped it is not.
type elapsed struct{ spec *cron.SpecSchedule }

func (s elapsed) next(t time.Time) time.Time { return s.spec.Next(t) }

// fixed is due when a clock on the wall of the zone shows the time: once for one that
// comes twice, the first time; and for one that is skipped, when the clock has been put on.
type fixed struct {
	wall *cron.SpecSchedule // in UTC
	zone *time.Location
}

func (s fixed) next(t time.Time) time.Time {
	shown := onWall(t, s.zone)
	for {
		shown = s.wall.Next(shown)
		if shown.IsZero() {
			return shown
		}
		if at := whenShown(shown, s.zone); at.After(t) {
			return at
		}
	}
}

// onWall is what a clock in the zone shows at t, as if it were UTC.
func onWall(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// whenShown is the first moment at which a clock in the zone shows the time; one that is
// skipped is shown when the skipping ends.
func whenShown(shown time.Time, zone *time.Location) time.Time {
	const day = 24 * time.Hour // more than any zone is off, so that a change lies between
	_, before := shown.Add(-day).In(zone).Zone()
	_, after := shown.Add(day).In(zone).Zone()
	first := shown.Add(-time.Duration(max(before, after)) * time.Second)
	second := shown.Add(-time.Duration(min(before, after)) * time.Second)
	for _, at := range []time.Time{first, second} {
		if onWall(at, zone).Equal(shown) {
			return at.UTC()
		}
	}
	change, _ := second.In(zone).ZoneBounds()
	return change.UTC()
}
