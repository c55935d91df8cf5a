package trace

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
)

// The files of one day, by its number from 1.
const (
	invocationsFile = "invocations_per_function_md.anon.d%02d.csv"
	durationsFile   = "function_durations_percentiles.anon.d%02d.csv"
	memoryFile      = "app_memory_percentiles.anon.d%02d.csv"
)

// What is taken for functions of which the trace does not say it, as the trace's own
// documentation warns: the published averages.
const defaultMemoryMB = 170

var defaultDuration = Distribution{100, 110, 400, 680, 1000, 5000, 10000}

// Read2019 reads the given days of a folder with the trace of 2019, at most so many
// functions; 0 is no bound.
func Read2019(folder string, first, days, most int) (*Trace, error) {
	r := &reader2019{
		trace: &Trace{Minutes: days * minutesPerDay, counts: make([][]count, days*minutesPerDay)},
		index: map[[3]string]int{}, memory: map[[2]string]int{}, most: most,
	}
	for day := range days {
		r.from = day * minutesPerDay
		for _, file := range []struct {
			name string
			each func(record []string) error
			skip bool // may be missing: the public trace lacks the memory of its last days
		}{
			{invocationsFile, r.invocations, false}, {durationsFile, r.durations, true}, {memoryFile, r.memories, true},
		} {
			err := eachRecord(filepath.Join(folder, fmt.Sprintf(file.name, first+day)), file.each)
			if err != nil && !(file.skip && errors.Is(err, fs.ErrNotExist)) {
				return nil, err
			}
		}
	}
	r.finish()
	return r.trace, nil
}

type reader2019 struct {
	trace  *Trace
	index  map[[3]string]int // of functions, by owner, app and name
	memory map[[2]string]int // MiB, by owner and app
	from   int               // the day's first minute
	most   int
}

func (r *reader2019) invocations(record []string) error {
	if len(record) < 4+minutesPerDay {
		return fmt.Errorf("%d columns, want %d", len(record), 4+minutesPerDay)
	}
	key := [3]string{record[0], record[1], record[2]}
	i, known := r.index[key]
	if !known {
		if r.most > 0 && len(r.trace.Functions) >= r.most {
			return nil
		}
		i = len(r.trace.Functions)
		r.index[key] = i
		r.trace.Functions = append(r.trace.Functions, Function{Owner: key[0], App: key[1], Name: key[2], Trigger: record[3], Duration: defaultDuration})
	}
	for m, text := range record[4 : 4+minutesPerDay] {
		if text == "0" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 0 {
			return fmt.Errorf("minute %d: %q is no count", m+1, text)
		}
		if n > 0 {
			r.trace.counts[r.from+m] = append(r.trace.counts[r.from+m], count{int32(i), int32(n)})
		}
	}
	return nil
}

// durations takes a function's percentiles; of several days, the first that has them.
func (r *reader2019) durations(record []string) error {
	const percentiles = 7 // the column of the first
	if len(record) < percentiles+len(levels) {
		return fmt.Errorf("%d columns, want %d", len(record), percentiles+len(levels))
	}
	i, known := r.index[[3]string{record[0], record[1], record[2]}]
	if !known || r.trace.Functions[i].Duration != defaultDuration {
		return nil
	}
	for level := range levels {
		ms, err := strconv.ParseFloat(record[percentiles+level], 64)
		if err != nil {
			return err
		}
		r.trace.Functions[i].Duration[level] = ms
	}
	return nil
}

func (r *reader2019) memories(record []string) error {
	if len(record) < 4 {
		return fmt.Errorf("%d columns, want 4 at least", len(record))
	}
	mb, err := strconv.ParseFloat(record[3], 64)
	if err != nil {
		return err
	}
	key := [2]string{record[0], record[1]}
	if _, known := r.memory[key]; !known {
		r.memory[key] = int(math.Ceil(mb))
	}
	return nil
}

func (r *reader2019) finish() {
	for i := range r.trace.Functions {
		f := &r.trace.Functions[i]
		if f.MemoryMB = r.memory[[2]string{f.Owner, f.App}]; f.MemoryMB < 1 {
			f.MemoryMB = defaultMemoryMB
		}
	}
}

// eachRecord calls each for the lines of a CSV file below its header. The record is
// valid until each returns.
func eachRecord(path string, each func(record []string) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.ReuseRecord = true
	if _, err := r.Read(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for {
		record, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = each(record)
		}
		if err != nil {
			line, _ := r.FieldPos(0)
			return fmt.Errorf("%s, line %d: %w", path, line, err)
		}
	}
}
