package trace

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Write2019 writes t to a folder in the format of 2019. Exact arrivals have no place in
// it.
func (t *Trace) Write2019(folder string) error {
	if t.exact != nil {
		return fmt.Errorf("write the format of 2019: the trace has moments, not counts")
	}
	for day := range t.Minutes / minutesPerDay {
		counts := t.byFunction(day * minutesPerDay)
		for _, file := range []struct {
			name  string
			write func(w io.Writer)
		}{
			{invocationsFile, func(w io.Writer) { t.writeInvocations(w, counts) }},
			{durationsFile, func(w io.Writer) { t.writeDurations(w, counts) }},
			{memoryFile, t.writeMemory},
		} {
			if err := writeFile(filepath.Join(folder, fmt.Sprintf(file.name, day+1)), file.write); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeFile(path string, write func(w io.Writer)) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	write(w)
	if err := w.Flush(); err != nil { // the first error of all that was written
		return err
	}
	return f.Close()
}

// byFunction is each function's counts by minute, from that minute on for a day.
func (t *Trace) byFunction(from int) [][]int32 {
	counts := make([][]int32, len(t.Functions))
	for f := range counts {
		counts[f] = make([]int32, minutesPerDay)
	}
	for m, minute := range t.counts[from : from+minutesPerDay] {
		for _, c := range minute {
			counts[c.function][m] = c.n
		}
	}
	return counts
}

func (t *Trace) writeInvocations(w io.Writer, counts [][]int32) {
	io.WriteString(w, "HashOwner,HashApp,HashFunction,Trigger")
	for m := range minutesPerDay {
		fmt.Fprintf(w, ",%d", m+1)
	}
	io.WriteString(w, "\n")
	line := make([]byte, 0, 4096)
	for i, f := range t.Functions {
		line = append(line[:0], strings.Join([]string{f.Owner, f.App, f.Name, f.Trigger}, ",")...)
		for _, n := range counts[i] {
			line = strconv.AppendInt(append(line, ','), int64(n), 10)
		}
		w.Write(append(line, '\n'))
	}
}

func (t *Trace) writeDurations(w io.Writer, counts [][]int32) {
	io.WriteString(w, "HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum,percentile_Average_0,percentile_Average_1,"+
		"percentile_Average_25,percentile_Average_50,percentile_Average_75,percentile_Average_99,percentile_Average_100\n")
	for i, f := range t.Functions {
		total := 0
		for _, n := range counts[i] {
			total += int(n)
		}
		fmt.Fprintf(w, "%s,%s,%s,%.3f,%d,%s,%s", f.Owner, f.App, f.Name, f.Duration.Mean(), total, decimal(f.Duration[0]), decimal(f.Duration[len(levels)-1]))
		for _, ms := range f.Duration {
			fmt.Fprintf(w, ",%s", decimal(ms))
		}
		io.WriteString(w, "\n")
	}
}

func decimal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func (t *Trace) writeMemory(w io.Writer) {
	levels := []string{"1", "5", "25", "50", "75", "95", "99", "100"}
	fmt.Fprintf(w, "HashOwner,HashApp,SampleCount,AverageAllocatedMb,AverageAllocatedMb_pct%s\n", strings.Join(levels, ",AverageAllocatedMb_pct"))
	last := ""
	for _, f := range t.Functions {
		if f.App == last {
			continue // an application's functions follow each other
		}
		last = f.App
		fmt.Fprintf(w, "%s,%s,%d%s\n", f.Owner, f.App, minutesPerDay, strings.Repeat(","+strconv.Itoa(f.MemoryMB), 1+len(levels)))
	}
}
