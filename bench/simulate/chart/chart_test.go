package chart_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/bench/simulate/chart"
)

func draw(t *testing.T, c chart.Chart) string {
	t.Helper()
	var out bytes.Buffer
	if err := c.Write(&out); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(out.Bytes())); ; {
		if _, err := d.Token(); err == io.EOF {
			return out.String()
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, out.String())
		}
	}
}

// TestWrite: what is drawn is well-formed and has everything in it.
func TestWrite(t *testing.T) {
	c := chart.Chart{
		Title: "a < b", X: chart.Axis{Title: "memory"}, Y: chart.Axis{Title: "cold", Log: true},
		Lines: []chart.Series{
			{Name: "one", Points: []chart.Point{{X: 10, Y: 0.5, Label: "1 min"}, {X: 2400, Y: 21}}},
			{Name: "two & three", Bare: true, Points: []chart.Point{{X: 300, Y: 3}, {X: 400, Y: 4}}},
		},
	}
	out := draw(t, c)
	for _, want := range []string{"a &lt; b", "memory", "cold", "1 min", "two &amp; three", ">500<", ">2500<", ">0.5<", ">50<"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in the drawing", want)
		}
	}
	if n := strings.Count(out, "<path stroke"); n != 1 {
		t.Errorf("%d lines are drawn, want 1", n)
	}
	if strings.Contains(out, "NaN") || strings.Contains(out, "Inf") {
		t.Error("a place is not a number")
	}
}

// TestWriteLittle: data of which no scale can be made.
func TestWriteLittle(t *testing.T) {
	for _, lines := range [][]chart.Series{nil, {{Name: "zero", Points: []chart.Point{{}}}}, {{Name: "one", Points: []chart.Point{{X: 1, Y: 1}}}}} {
		out := draw(t, chart.Chart{Lines: lines})
		if strings.Contains(out, "NaN") || strings.Contains(out, "Inf") {
			t.Errorf("a place is not a number:\n%s", out)
		}
	}
}
