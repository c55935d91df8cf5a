package yield_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

var update = flag.Bool("update", false, "draw the picture of the documentation anew")

const pictureFile = "../../docs/reference/jobs-and-functions.svg"

// burst is how many vCPUs functions want from a moment on.
type burst struct {
	at    time.Duration
	vcpus float64
}

// TestPicture has the rule act on a machine of 4 vCPUs, and holds the picture of it in the
// documentation against that.
func TestPicture(t *testing.T) {
	bursts := []burst{{300 * ms, 1}, {305 * ms, 0}, {700 * ms, 3}, {1100 * ms, 0}, {2200 * ms, 4}, {3700 * ms, 1}, {5300 * ms, 0}}
	p := picture{t: t, world: newWorld(t, 4), until: 6500 * ms}
	p.add("priority 9, 1 vCPU", 1, 9, slipway.PreemptFreeze)
	p.add("priority 5, 1 vCPU", 1, 5, slipway.PreemptFreeze)
	p.add("priority 0, 1 vCPU", 1, 0, slipway.PreemptFreeze)
	p.add("priority 0, the latest, 1 vCPU", 1, 0, slipway.PreemptFreeze)
	p.play(bursts)
	got := p.draw(bursts)
	if *update {
		if err := os.WriteFile(pictureFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(pictureFile); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the rule does (draw it anew with -update): %v", pictureFile, err)
	}
}

type picture struct {
	t     *testing.T
	world *world
	until time.Duration
	names []string
	runs  [][]time.Duration // of each job: when it began to run, or stopped, in turn
}

func (p *picture) add(name string, cpu float64, priority int, kind slipway.Preemption) {
	p.world.begin(cpu, priority, kind)
	p.names = append(p.names, name)
	p.runs = append(p.runs, []time.Duration{0})
}

// play follows who runs, millisecond by millisecond.
func (p *picture) play(bursts []burst) {
	for at := time.Duration(0); at < p.until; at += ms {
		for len(bursts) > 0 && bursts[0].at <= at {
			p.world.want(bursts[0].vcpus)
			bursts = bursts[1:]
		}
		p.world.pass(ms)
		for i, j := range p.world.jobs {
			if running := len(p.runs[i])%2 == 1; running == j.Still {
				p.runs[i] = append(p.runs[i], at)
			}
		}
	}
}

const (
	left, scale   = 190, 95.0 // pixels before the first second, and for each
	top, perVCPU  = 50, 22.0
	lanes, height = 170, 26
)

func x(at time.Duration) float64 { return left + scale*at.Seconds() }

// draw makes the picture.
func (p *picture) draw(bursts []burst) []byte {
	var b strings.Builder
	width, bottom := int(x(p.until))+20, lanes+height*len(p.names)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="A machine of 4 vCPUs: functions want processors in bursts, and jobs stand still for them, those of the lowest priority first">
<style>
svg { --ink: #1f2328; --faint: #d0d7de; --paper: #ffffff; font: 12px system-ui, sans-serif }
@media (prefers-color-scheme: dark) { svg { --ink: #e6edf3; --faint: #3d444d; --paper: #0d1117 } }
text { fill: var(--ink) } .title { font-size: 15px; font-weight: 600 }
.grid { stroke: var(--faint) } .paper { fill: var(--paper) } .still { fill: none; stroke: #8c959f; stroke-dasharray: 3 3 } .runs { fill: #2da44e } .functions { fill: #0969da }
</style>
<rect class="paper" width="%d" height="%d"/>
<text class="title" x="12" y="24">A machine of 4 vCPUs</text>
`, width, bottom+50, width, bottom+50)
	for s := range int(p.until.Seconds()) + 1 {
		at := x(time.Duration(s) * time.Second)
		fmt.Fprintf(&b, "<line class=\"grid\" x1=\"%.0f\" y1=\"%d\" x2=\"%.0f\" y2=\"%d\"/><text x=\"%.0f\" y=\"%d\" text-anchor=\"middle\">%d s</text>\n", at, top, at, bottom, at, bottom+18, s)
	}
	base := top + 4*perVCPU
	fmt.Fprintf(&b, "<text x=\"12\" y=\"%.0f\">functions want</text><text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">4</text><text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">0 vCPUs</text>\n", base-40, left-6, top+10.0, left-6, base)
	for i, one := range bursts {
		if end := p.until; one.vcpus > 0 {
			if i+1 < len(bursts) {
				end = bursts[i+1].at
			}
			fmt.Fprintf(&b, "<rect class=\"functions\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", x(one.at), base-one.vcpus*perVCPU, x(end)-x(one.at), one.vcpus*perVCPU)
		}
	}
	for i, name := range p.names {
		y := lanes + height*i
		fmt.Fprintf(&b, "<text x=\"12\" y=\"%d\">%s</text>\n", y+13, name)
		ends := append(append([]time.Duration{}, p.runs[i]...), p.until)
		for k := range len(ends) - 1 {
			class := [2]string{"runs", "still"}[k%2]
			fmt.Fprintf(&b, "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"14\"/>\n", class, x(ends[k]), y+2, x(ends[k+1])-x(ends[k]))
		}
	}
	fmt.Fprintf(&b, "<rect class=\"runs\" x=\"%d\" y=\"%d\" width=\"24\" height=\"10\"/><text x=\"%d\" y=\"%d\">the job runs</text><rect class=\"still\" x=\"%d\" y=\"%d\" width=\"24\" height=\"10\"/><text x=\"%d\" y=\"%d\">it stands still</text>\n</svg>\n",
		left, bottom+30, left+30, bottom+39, left+130, bottom+30, left+160, bottom+39)
	return []byte(b.String())
}
