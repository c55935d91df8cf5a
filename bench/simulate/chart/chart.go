package chart

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Chart is what to draw.
type Chart struct {
	Title string
	X, Y  Axis
	Lines []Series
}

// Axis is one direction. Its bounds follow from the data.
type Axis struct {
	Title string
	Log   bool // logarithmic; values must be above 0
}

// Series is points of one kind, in the order in which a line joins them.
type Series struct {
	Name   string
	Points []Point
	Bare   bool // no line joins them
}

// Point is one of them; its label, if any, is written beside it.
type Point struct {
	X, Y  float64
	Label string
}

// The drawing, in its own units.
const (
	width, height           = 820, 440
	left, right, top, below = 70, 250, 44, 56
)

// colours are told apart by those who see few colours, too (Okabe and Ito), on light and
// on dark ground.
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f"}

const style = `<style>
svg { --ink: #1f2328; --faint: #d0d7de; --paper: #ffffff; font: 12px system-ui, sans-serif }
@media (prefers-color-scheme: dark) { svg { --ink: #e6edf3; --faint: #3d444d; --paper: #0d1117 } }
text { fill: var(--ink) } .title { font-size: 15px; font-weight: 600 } .label { font-size: 10px }
.grid { stroke: var(--faint) } .axis { stroke: var(--ink) } .paper { fill: var(--paper) }
path { fill: none; stroke-width: 2 }
</style>
`

// Write draws c.
func (c *Chart) Write(to io.Writer) error {
	w := bufio.NewWriter(to)
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n", width, height, escape(c.Title))
	io.WriteString(w, style)
	fmt.Fprintf(w, `<rect class="paper" width="%d" height="%d"/>`+"\n", width, height)
	fmt.Fprintf(w, `<text class="title" x="%d" y="24">%s</text>`+"\n", left, escape(c.Title))
	x := newScale(c.X, c.values(func(p Point) float64 { return p.X }), left, width-right)
	y := newScale(c.Y, c.values(func(p Point) float64 { return p.Y }), height-below, top)
	drawAxes(w, c, x, y)
	for i, s := range c.Lines {
		drawSeries(w, s, x, y, i)
	}
	io.WriteString(w, "</svg>\n")
	return w.Flush()
}

func (c *Chart) values(of func(Point) float64) (all []float64) {
	for _, s := range c.Lines {
		for _, p := range s.Points {
			all = append(all, of(p))
		}
	}
	return all
}

func drawAxes(w io.Writer, c *Chart, x, y scale) {
	for _, v := range x.ticks {
		at := x.at(v)
		fmt.Fprintf(w, `<line class="grid" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			at, top, at, height-below, at, height-below+18, number(v))
	}
	for _, v := range y.ticks {
		at := y.at(v)
		fmt.Fprintf(w, `<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, at, width-right, at, left-8, at+4, number(v))
	}
	fmt.Fprintf(w, `<path class="axis" style="stroke-width:1" d="M%d %dV%dH%d"/>`+"\n", left, top, height-below, width-right)
	fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (left+width-right)/2, height-14, escape(c.X.Title))
	fmt.Fprintf(w, `<text x="18" y="%d" text-anchor="middle" transform="rotate(-90 18 %d)">%s</text>`+"\n", (top+height-below)/2, (top+height-below)/2, escape(c.Y.Title))
}

// drawSeries draws the i-th series and its line of the legend.
func drawSeries(w io.Writer, s Series, x, y scale, i int) {
	colour := colours[i%len(colours)]
	if !s.Bare && len(s.Points) > 1 {
		var d strings.Builder
		for n, p := range s.Points {
			command := 'L'
			if n == 0 {
				command = 'M'
			}
			fmt.Fprintf(&d, "%c%.1f %.1f", command, x.at(p.X), y.at(p.Y))
		}
		fmt.Fprintf(w, `<path stroke="%s" d="%s"/>`+"\n", colour, d.String())
	}
	for _, p := range s.Points {
		fmt.Fprintf(w, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>`, x.at(p.X), y.at(p.Y), colour)
		if p.Label != "" {
			fmt.Fprintf(w, `<text class="label" x="%.1f" y="%.1f">%s</text>`, x.at(p.X)+6, y.at(p.Y)-5, escape(p.Label))
		}
		io.WriteString(w, "\n")
	}
	at := top + 8 + 20*i
	fmt.Fprintf(w, `<circle cx="%d" cy="%d" r="4" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n",
		width-right+22, at, colour, width-right+34, at+4, escape(s.Name))
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func escape(s string) string { return escaper.Replace(s) }
