package main

import (
	"os"
	"path/filepath"

	"github.com/slipway-run/slipway/bench/simulate/chart"
)

// draw writes a plot of each study that has one.
func draw(folder string, studies []*study) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, s := range studies {
		var c chart.Chart
		switch s.Name {
		case "keep":
			c = families(s, "memory held, GiB·hours", func(r *simulation) float64 { return r.Result.Memory.Total })
		case "memory":
			c = families(s, "memory of all machines, GiB", func(r *simulation) float64 { return float64(r.Invokers*r.MemoryMB) / 1024 })
		case "routing":
			c = families(s, "memory held, GiB·hours", func(r *simulation) float64 { return r.Result.Memory.Total })
			c.X.Log = true
		default:
			continue
		}
		c.Title = s.About
		if err := drawTo(filepath.Join(folder, "simulation-"+s.Name+".svg"), c); err != nil {
			return err
		}
	}
	return nil
}

// families is a line for each family of policies: its share of cold invocations against
// something.
func families(s *study, title string, of func(*simulation) float64) chart.Chart {
	c := chart.Chart{X: chart.Axis{Title: title}, Y: chart.Axis{Title: "cold invocations, %", Log: true}}
	at := map[string]int{}
	for _, run := range s.Runs {
		i, known := at[run.Family]
		if !known {
			i = len(c.Lines)
			at[run.Family] = i
			c.Lines = append(c.Lines, chart.Series{Name: run.Family})
		}
		if cold := run.Result.ColdPercent(); cold > 0 { // there is no place for 0 on a logarithmic axis
			c.Lines[i].Points = append(c.Lines[i].Points, chart.Point{X: of(run), Y: cold, Label: run.Label})
		}
	}
	return c
}

func drawTo(path string, c chart.Chart) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := c.Write(f); err != nil {
		return err
	}
	return f.Close()
}
