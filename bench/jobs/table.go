package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// table is rates by contender and by how many ran at once.
type table struct {
	contenders []contender
	atOnce     []int
	rates      map[cell][]float64
}

type cell struct{ contender, atOnce int }

func newTable(contenders []contender) *table {
	return &table{contenders: contenders, atOnce: []int{1, 2, 8}, rates: map[cell][]float64{}}
}

func (t *table) add(contender, atOnce int, rate float64) {
	c := cell{contender, atOnce}
	t.rates[c] = append(t.rates[c], rate)
}

// median is that of a cell's rates.
func (t *table) median(contender, atOnce int) float64 {
	rates := slices.Sorted(slices.Values(t.rates[cell{contender, atOnce}]))
	if len(rates) == 0 {
		return 0
	}
	return rates[len(rates)/2]
}

// print shows each rate, and how many times a peer's the first one's is.
func (t *table) print(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "at once")
	for _, n := range t.atOnce {
		fmt.Fprintf(tw, "\t%d\tslowest to fastest\t", n)
	}
	fmt.Fprintln(tw)
	for i, c := range t.contenders {
		fmt.Fprint(tw, c.name)
		for _, n := range t.atOnce {
			rates := t.rates[cell{i, n}]
			fmt.Fprintf(tw, "\t%.0f\t%.0f–%.0f\t", t.median(i, n), slices.Min(rates), slices.Max(rates))
			if i > 0 {
				fmt.Fprintf(tw, "%.1f×", t.median(0, n)/t.median(i, n))
			}
		}
		fmt.Fprintln(tw)
	}
	tw.Flush()
}
