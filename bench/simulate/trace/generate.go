package trace

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Synthetic says what to generate. The distributions are those that the paper on the
// trace of 2019 publishes; see doc.go.
type Synthetic struct {
	Functions int
	Days      int
	MaxPerDay float64 // invocations of one function on an average day at most; the rest of the tail is cut
	Seed      uint64
}

const minutesPerDay = 24 * 60

// Generate makes a trace.
func Generate(s Synthetic) *Trace {
	t := &Trace{Minutes: s.Days * minutesPerDay}
	t.counts = make([][]count, t.Minutes)
	random := rand.New(rand.NewPCG(s.Seed, 2019))
	for app := 0; len(t.Functions) < s.Functions; app++ {
		memory := burrMemory(random)
		for range min(functionsPerApp(random), s.Functions-len(t.Functions)) {
			f := Function{
				Owner: id(s.Seed, "owner", app/2), App: id(s.Seed, "app", app), Name: id(s.Seed, "function", len(t.Functions)),
				Trigger: pickTrigger(random), MemoryMB: memory, Duration: durations(random),
			}
			t.Functions = append(t.Functions, f)
			s.invoke(t, len(t.Functions)-1, random)
		}
	}
	return t
}

// id is 64 hexadecimal digits, as the hashed names of the public trace.
func id(seed uint64, kind string, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%s/%d", seed, kind, n))
	return hex.EncodeToString(sum[:])
}

// functionsPerApp: 54 % of the applications have one function, 95 % at most ten.
func functionsPerApp(random *rand.Rand) int {
	return min(int(math.Pow(1-random.Float64(), -1/1.12)), 50)
}

// triggers and their shares of all functions, in percent.
var triggers = []struct {
	name  string
	share float64
}{{"http", 55}, {"timer", 15.6}, {"queue", 15.2}, {"orchestration", 6.9}, {"storage", 2.8}, {"event", 2.2}, {"others", 2.3}}

func pickTrigger(random *rand.Rand) string {
	u := random.Float64() * 100
	for _, t := range triggers {
		if u -= t.share; u < 0 {
			return t.name
		}
	}
	return "others"
}

// burrMemory is the average memory of an application: Burr XII with c = 11.652, k =
// 0.221, λ = 107.083 MiB, within the 1.5 GiB that the platform gave at most.
func burrMemory(random *rand.Rand) int {
	const c, k, lambda, most = 11.652, 0.221, 107.083, 1536
	mb := lambda * math.Pow(math.Pow(1-random.Float64(), -1/k)-1, 1/c)
	return int(math.Ceil(math.Min(math.Max(mb, 16), most)))
}

// durations are those of one function: its median is lognormal with μ = -0.38 and σ =
// 2.36 (of seconds), within 1 ms and 5 min; its runs are lognormal around it.
func durations(random *rand.Rand) Distribution {
	median := math.Exp(-0.38+2.36*random.NormFloat64()) * 1000
	median = math.Min(math.Max(median, 1), 300e3)
	spread := 0.1 + 0.6*random.Float64()
	var d Distribution
	for i, z := range []float64{-3, -2.326, -0.674, 0, 0.674, 2.326, 3} {
		d[i] = round(math.Min(median*math.Exp(spread*z), 600e3))
	}
	return d
}

// round keeps what survives being written and read.
func round(ms float64) float64 { return math.Round(ms*1000) / 1000 }

// popularity is the average invocations of a function on a day, by level: most are
// rarer than once an hour, four fifths rarer than once a minute, and a few carry nearly
// the whole load.
var popularity = []struct{ level, perDay float64 }{
	{0, 0.3}, {0.10, 1}, {0.30, 6}, {0.45, 24}, {0.60, 144}, {0.72, 720}, {0.80, 1440}, {0.90, 5e3}, {0.97, 5e4}, {0.995, 1e6}, {1, 1e8},
}

func perDay(random *rand.Rand, most float64) float64 {
	u := random.Float64()
	i := 1
	for i < len(popularity)-1 && u > popularity[i].level {
		i++
	}
	a, b := popularity[i-1], popularity[i]
	share := (u - a.level) / (b.level - a.level)
	return math.Min(math.Exp(math.Log(a.perDay)+share*(math.Log(b.perDay)-math.Log(a.perDay))), most)
}

// invoke gives the function of that index its invocations.
func (s *Synthetic) invoke(t *Trace, function int, random *rand.Rand) {
	rate := perDay(random, cmp.Or(s.MaxPerDay, math.Inf(1)))
	add := func(minute, n int) {
		if n > 0 {
			t.counts[minute] = append(t.counts[minute], count{int32(function), int32(n)})
		}
	}
	if t.Functions[function].Trigger == "timer" {
		periodic(t.Minutes, period(rate), random, add)
		return
	}
	switch u := random.Float64(); {
	case u < 0.1 && rate <= minutesPerDay: // machines that call on a schedule of their own
		periodic(t.Minutes, max(1, int(minutesPerDay/rate)), random, add)
	case u < 0.5:
		bursts(t.Minutes, rate, random, add)
	default:
		poisson(t.Minutes, rate, random, add)
	}
}

// periods that timers have, in minutes.
var periods = []int{1, 5, 10, 15, 30, 60, 2 * 60, 6 * 60, 12 * 60, 24 * 60}

// period is that which comes closest to the rate.
func period(perDay float64) int {
	want := minutesPerDay / perDay
	return slices.MinFunc(periods, func(a, b int) int {
		return cmp.Compare(math.Abs(math.Log(want/float64(a))), math.Abs(math.Log(want/float64(b))))
	})
}

func periodic(minutes, period int, random *rand.Rand, add func(minute, n int)) {
	phase := 0 // most timers are set on the hour
	if random.Float64() < 0.3 {
		phase = random.IntN(period)
	}
	for m := phase; m < minutes; m += period {
		add(m, 1)
	}
}

// diurnal is the load of a minute against the average: half of it follows the day.
func diurnal(minute int, phase float64) float64 {
	day := float64(minute%minutesPerDay) / minutesPerDay
	return 1 + 0.5*math.Sin(2*math.Pi*(day-phase))
}

func poisson(minutes int, perDay float64, random *rand.Rand, add func(minute, n int)) {
	phase := 0.35 + 0.1*random.NormFloat64()
	for m := range minutes {
		add(m, drawPoisson(perDay/minutesPerDay*diurnal(m, phase), random))
	}
}

// bursts are visits: a few invocations or many, over some minutes, then nothing for a
// while. Times between them are spread more than a Poisson process's.
func bursts(minutes int, perDay float64, random *rand.Rand, add func(minute, n int)) {
	phase := 0.35 + 0.1*random.NormFloat64()
	size := math.Exp(1.5 * math.Abs(random.NormFloat64())) // invocations of a burst, on average
	length := 1 + random.IntN(10)                          // minutes
	size = math.Max(size, perDay/minutesPerDay*float64(length)*2)
	busy := make([]float64, minutes+length)
	for m := range minutes {
		for range drawPoisson(perDay/size/minutesPerDay*diurnal(m, phase), random) {
			for i := range length {
				busy[m+i] += size / float64(length) * 2 * random.Float64()
			}
		}
	}
	for m := range minutes {
		add(m, drawPoisson(busy[m], random))
	}
}

// drawPoisson is Knuth's method for small means and the normal distribution for others.
func drawPoisson(mean float64, random *rand.Rand) int {
	if mean <= 0 {
		return 0
	}
	if mean > 30 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*random.NormFloat64())))
	}
	limit, n := math.Exp(-mean), 0
	for p := random.Float64(); p > limit; p *= random.Float64() {
		n++
	}
	return n
}
