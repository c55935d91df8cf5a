package sim

import (
	"math"
	"time"
)

// Knative's autoscaler as it comes (config-autoscaler).
const (
	knativeTick        = 2 * time.Second
	stableWindow       = 60 // seconds
	panicWindow        = 6  // seconds
	targetUtilization  = 0.7
	panicThreshold     = 2.0
	maxScaleUpRate     = 1000.0
	maxScaleDownRate   = 2.0
	scaleToZeroGrace   = 30 * time.Second
	activatorTimeout   = 300 * time.Second // the longest that a request waits for a pod
	activationInterval = time.Second       // of one bucket of the windows
)

// knative is the platform of that name: pods for the whole cluster, a queue for each
// revision in front of them, and an autoscaler that looks at the average concurrency.
type knative struct {
	w         *World
	free      []int // MiB of each node
	revisions []revision
}

func newKnative(w *World) *knative {
	k := &knative{w: w, free: make([]int, w.cfg.Invokers), revisions: make([]revision, len(w.functions))}
	for i := range k.free {
		k.free[i] = w.cfg.MemoryMB
	}
	for i := range k.revisions {
		k.revisions[i] = revision{k: k, function: i}
	}
	return k
}

// revision is one function.
type revision struct {
	k        *knative
	function int
	pods     []*instance // ready ones with a free slot, the one used last at the end
	queue    []*invocation
	ready    int // pods
	starting int // pods
	window   window
	ticking  bool
	panicked time.Duration // when the load last was beyond the threshold; 0 when calm
	most     int           // pods wanted at once while panicking
	zero     time.Duration // since when none is wanted; 0 when some are
}

func (k *knative) arrive(inv *invocation) { k.w.after(k.w.cfg.Hop, (*queueing)(inv)) }

// queueing is an invocation that reaches the activator.
type queueing invocation

func (q *queueing) happen(w *World) {
	inv := (*invocation)(q)
	r := &w.platform.(*knative).revisions[inv.function]
	r.window.add(w.now, 1)
	if !r.ticking { // the activator asks the autoscaler for the first pod
		r.ticking = true
		r.window.began = w.now
		w.after(knativeTick, (*ticking)(r))
	}
	r.zero = 0
	r.queue = append(r.queue, inv)
	r.serve(nil, warm)
	if len(r.queue) > 0 && r.ready+r.starting == 0 {
		r.scale(1)
	}
}

func (k *knative) ended(inv *invocation) {
	r, on := &k.revisions[inv.function], inv.instance
	r.window.add(k.w.now, -1)
	if on.inFlight == k.w.cfg.Concurrency-1 {
		r.pods = append(r.pods, on)
	}
	r.serve(nil, queued)
}

// serve gives free slots to those who wait; fresh is a pod that has just come up, and
// how is said of all others.
func (r *revision) serve(fresh *instance, how how) {
	for len(r.queue) > 0 && len(r.pods) > 0 {
		on, inv := r.pods[len(r.pods)-1], r.queue[0]
		r.queue = r.queue[1:]
		if on.inFlight == r.k.w.cfg.Concurrency-1 {
			r.pods = r.pods[:len(r.pods)-1]
		}
		if on == fresh {
			how = cold
		}
		r.k.w.begin(inv, on, how)
	}
}

// ticking is the autoscaler looking at a revision.
type ticking revision

func (t *ticking) happen(w *World) {
	r := (*revision)(t)
	r.expire()
	r.scale(r.wanted())
	if r.ready+r.starting == 0 && len(r.queue) == 0 && r.window.flying == 0 {
		r.ticking, r.panicked, r.most = false, 0, 0
		r.window = window{}
		return
	}
	w.after(knativeTick, t)
}

// expire refuses who has waited too long.
func (r *revision) expire() {
	for len(r.queue) > 0 && r.k.w.now-r.queue[0].arrived > activatorTimeout {
		r.window.add(r.k.w.now, -1)
		r.k.w.refuse(r.queue[0])
		r.queue = r.queue[1:]
	}
}

// wanted is the number of pods by the stable and the panic window.
func (r *revision) wanted() int {
	now, target := r.k.w.now, float64(r.k.w.cfg.Concurrency)*targetUtilization
	ready := math.Max(1, float64(r.ready))
	stable, short := r.window.averages(now)
	limit := func(concurrency float64) int {
		n := math.Ceil(concurrency / target)
		n = math.Min(n, math.Ceil(maxScaleUpRate*ready))
		return int(math.Max(n, math.Floor(float64(r.ready)/maxScaleDownRate)))
	}
	calm, hasty := limit(stable), limit(short)
	if float64(hasty)/ready >= panicThreshold {
		r.panicked = now
	} else if now-r.panicked > stableWindow*time.Second {
		r.panicked, r.most = 0, 0
	}
	if r.panicked > 0 {
		r.most = max(r.most, hasty)
		return max(r.most, calm)
	}
	return calm
}

// scale starts or stops pods.
func (r *revision) scale(wanted int) {
	now := r.k.w.now
	if wanted == 0 {
		if r.zero == 0 {
			r.zero = now
		}
		if now-r.zero < scaleToZeroGrace {
			wanted = min(1, r.ready)
		}
	}
	if len(r.queue) > 0 {
		wanted = max(wanted, 1)
	}
	wanted = min(wanted, r.k.w.cfg.MaxScale)
	for r.ready+r.starting < wanted && r.start() {
	}
	for i := 0; i < len(r.pods) && r.ready+r.starting > wanted; {
		if on := r.pods[i]; on.inFlight == 0 {
			r.pods = append(r.pods[:i], r.pods[i+1:]...)
			r.stop(on)
		} else {
			i++
		}
	}
}

// start places a pod on the node with most room; false when none has enough.
func (r *revision) start() bool {
	k := r.k
	node := 0
	for i, free := range k.free {
		if free > k.free[node] {
			node = i
		}
	}
	need := k.w.functions[r.function].spec.Config.MemoryMB
	if k.free[node] < need {
		return false
	}
	k.free[node] -= need
	r.starting++
	k.w.launch(r.function, node, func(on *instance) action { return &podReady{r, on} })
	return true
}

func (r *revision) stop(on *instance) {
	r.ready--
	r.k.w.meter.set(on, closing, r.k.w.now)
	r.k.w.after(r.k.w.cfg.Close, &podGone{r.k, on})
}

type podReady struct {
	r  *revision
	on *instance
}

func (e *podReady) happen(w *World) {
	w.meter.set(e.on, idle, w.now)
	e.r.starting--
	e.r.ready++
	e.r.pods = append(e.r.pods, e.on)
	e.r.serve(e.on, cold)
}

type podGone struct {
	k  *knative
	on *instance
}

func (e *podGone) happen(w *World) {
	w.meter.set(e.on, gone, w.now)
	e.k.free[e.on.node] += e.on.memoryMB
}

// window is the invocations of a revision, waiting or running, over the last seconds.
type window struct {
	began  time.Duration
	flying int
	last   time.Duration               // flying is counted until then
	second [stableWindow]time.Duration // invocations × time, by second modulo the window
}

// add counts n more invocations from now on.
func (v *window) add(now time.Duration, n int) {
	v.count(now)
	v.flying += n
}

// count brings the buckets up to now.
func (v *window) count(now time.Duration) {
	if now-v.last > stableWindow*activationInterval && v.flying == 0 {
		v.second, v.last = [stableWindow]time.Duration{}, now
		return
	}
	for v.last < now {
		end := min(now, v.last.Truncate(activationInterval)+activationInterval)
		bucket := &v.second[int(v.last/activationInterval)%stableWindow]
		if v.last%activationInterval == 0 {
			*bucket = 0
		}
		*bucket += time.Duration(v.flying) * (end - v.last)
		v.last = end
	}
}

// averages are the concurrency over the stable window, as far as the revision is that
// old, and over the panic window.
func (v *window) averages(now time.Duration) (stable, short float64) {
	v.count(now)
	current := int(now / activationInterval)
	var all, some time.Duration
	for i := range stableWindow {
		b := v.second[((current-i)%stableWindow+stableWindow)%stableWindow]
		all += b
		if i < panicWindow {
			some += b
		}
	}
	age := max(now-v.began, activationInterval)
	return float64(all) / float64(min(age, stableWindow*activationInterval)), float64(some) / float64(min(age, panicWindow*activationInterval))
}
