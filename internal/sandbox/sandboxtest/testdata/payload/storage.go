package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
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

// keep writes so many MiB of noise, waits for a line, and looks whether it is still
// there, past what is cached.
func keep(a []string) error {
	n, err := strconv.Atoi(a[1])
	if err != nil {
		return err
	}
	noise := make([]byte, n<<20)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	if err := os.WriteFile(a[0], noise, 0o600); err != nil {
		return err
	}
	syscall.Sync()
	fmt.Println("written")
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return err
	}
	f, err := os.Open(a[0])
	if err != nil {
		return err
	}
	defer f.Close()
	const dontNeed = 4 // POSIX_FADV_DONTNEED: drop it from the cache
	syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 0, dontNeed, 0, 0)
	now, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(now, noise) {
		return fmt.Errorf("changed: %d bytes, %w", len(now), err)
	}
	fmt.Println("the same")
	return nil
}
