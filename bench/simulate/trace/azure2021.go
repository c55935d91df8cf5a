package trace

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// Read2021 reads a file of the trace of 2021: app, func, end_timestamp and duration, in
// seconds. An invocation arrives its duration before its end; the few that would arrive
// before the trace begins do so at once. Memory is not in this format: every function
// gets the published median.
func Read2021(path string, most int) (*Trace, error) {
	var functions []Function
	arrivals := []Arrival{}
	index := map[[2]string]int{}
	err := eachRecord(path, func(record []string) error {
		if len(record) != 4 {
			return fmt.Errorf("%d columns, want 4", len(record))
		}
		key := [2]string{record[0], record[1]}
		i, known := index[key]
		if !known {
			if most > 0 && len(functions) >= most {
				return nil
			}
			i = len(functions)
			index[key] = i
			functions = append(functions, Function{App: key[0], Name: key[1], Trigger: "others", MemoryMB: defaultMemoryMB})
		}
		end, err := seconds(record[2])
		if err != nil {
			return err
		}
		duration, err := seconds(record[3])
		if err != nil {
			return err
		}
		arrivals = append(arrivals, Arrival{At: max(0, end-duration), Function: i, Duration: duration})
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(arrivals, func(a, b Arrival) int { return cmp.Compare(a.At, b.At) })
	return Of(functions, arrivals), nil
}

func seconds(text string) (time.Duration, error) {
	s, err := strconv.ParseFloat(text, 64)
	if err != nil || s < 0 {
		return 0, fmt.Errorf("%q is no number of seconds", text)
	}
	return time.Duration(s*1e6+0.5) * time.Microsecond, nil
}

// Write2021 writes t's arrivals in the format of 2021, those of counts as the seed
// places them.
func (t *Trace) Write2021(path string, seed uint64) error {
	return writeFile(path, func(w io.Writer) {
		io.WriteString(w, "app,func,end_timestamp,duration\n")
		for s := t.Arrivals(seed); ; {
			a, ok := s.Next()
			if !ok {
				return
			}
			f := &t.Functions[a.Function]
			fmt.Fprintf(w, "%s,%s,%.6f,%.6f\n", f.App, f.Name, (a.At + a.Duration).Seconds(), a.Duration.Seconds())
		}
	})
}
