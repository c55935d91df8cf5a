package choose

import (
	"cmp"
	"slices"

	"github.com/slipway-run/slipway"
)

// version is what is known of one version on all invokers.
type version struct {
	ref         slipway.VersionRef
	hash        uint64 // of its function: all its versions are ranked alike
	concurrency int    // as the last event's spec said
	instances   int    // of all places
	places      []*place
	awake       ranked // places with a free slot that is not frozen
	frozen      ranked // other places with a free slot
}

// place is one version on one invoker: what was reported, corrected by what this gateway
// sent and got back since.
type place struct {
	version *version
	inv     *invoker
	rank    uint64
	index   int    // in version.places
	round   uint64 // of the invoker's states, the last that named it
	dropped bool

	reported  slipway.VersionCount
	flying    int // events of this gateway that are there now
	counted   int // those that were there when the report came
	instances int // as version.instances has them
	in        *ranked
}

// report takes what the invoker said of p.
func (p *place) report(count slipway.VersionCount) {
	if p.reported == count && p.counted == p.flying {
		return // most of what an invoker says is as it was
	}
	p.reported, p.counted = count, p.flying
	p.refresh()
}

// fly counts n more events that are at p.
func (p *place) fly(n int) {
	p.flying += n
	if !p.dropped {
		p.refresh()
	}
}

// refresh brings what follows from p's numbers up to date.
func (p *place) refresh() {
	v := p.version
	n := p.expected()
	v.instances += n - p.instances
	p.instances = n
	free := p.free()
	switch {
	case p.inv.state.Draining || free <= 0:
		v.move(p, nil)
	case free > p.reported.Frozen:
		v.move(p, &v.awake)
	default:
		v.move(p, &v.frozen)
	}
}

// free is how many events could begin there now without a start.
func (p *place) free() int {
	return p.reported.Free - p.reported.Waiting - (p.flying - p.counted)
}

// expected is how many instances there are, or will be when the events under way have
// caused their starts.
func (p *place) expected() int {
	c := p.version.concurrency
	return max(p.reported.Instances, min((p.flying+c-1)/c, p.reported.Instances+max(0, -p.free())))
}

// pressure is how many events there are for each instance.
func (p *place) pressure() float64 {
	return float64(p.reported.Waiting+p.flying) / float64(max(p.instances, 1))
}

// move has p in the list given and in no other.
func (v *version) move(p *place, to *ranked) {
	if p.in == to {
		return
	}
	if p.in != nil {
		p.in.remove(p)
	}
	if to != nil {
		to.insert(p)
	}
	p.in = to
}

// ranked is places in the order of their rank.
type ranked []*place

func (r *ranked) find(p *place) int {
	i, _ := slices.BinarySearchFunc(*r, p, func(a, b *place) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.inv.state.ID, b.inv.state.ID))
	})
	return i
}

func (r *ranked) insert(p *place) { *r = slices.Insert(*r, r.find(p), p) }

func (r *ranked) remove(p *place) {
	i := r.find(p)
	*r = slices.Delete(*r, i, i+1)
}

// first is the first place that is not at the invoker named except, or nil.
func (r ranked) first(except string) *place {
	for _, p := range r {
		if p.inv.state.ID != except {
			return p
		}
	}
	return nil
}
