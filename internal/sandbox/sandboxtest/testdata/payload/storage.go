package main

import (
	"fmt"
	"os"
	"strconv"
)

// bulk writes so many MiB to one file and reads them again.
func bulk(a []string) error {
	n, err := strconv.Atoi(a[0])
	if err != nil {
		return err
	}
	f, err := os.Create("/tmp/bulk")
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 1<<20)
	for range n {
		if _, err := f.Write(b); err != nil {
			return err
		}
	}
	for i := range n {
		if _, err := f.ReadAt(b, int64(i)<<20); err != nil {
			return err
		}
	}
	return nil
}

// crumbs writes so many small files and removes them.
func crumbs(a []string) error { return eachCrumb(a[0], os.WriteFile) }

// synced is crumbs that wait until each is safe.
func synced(a []string) error {
	return eachCrumb(a[0], func(name string, b []byte, mode os.FileMode) error {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, mode)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := f.Write(b); err != nil {
			return err
		}
		return f.Sync()
	})
}

func eachCrumb(count string, write func(string, []byte, os.FileMode) error) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	for i := range n {
		if err := write(fmt.Sprint("/tmp/crumb", i), []byte("a few bytes"), 0o644); err != nil {
			return err
		}
	}
	for i := range n {
		if err := os.Remove(fmt.Sprint("/tmp/crumb", i)); err != nil {
			return err
		}
	}
	return nil
}
