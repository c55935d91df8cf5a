package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
)

// hold fills so many MiB, half of which compress, and says for each line of input whether
// they are as they were.
func hold(a []string) error {
	mib, err := strconv.Atoi(a[0])
	if err != nil {
		return err
	}
	b := make([]byte, mib<<20)
	for i := range b {
		b[i] = held(i)
	}
	fmt.Println("holding")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		said := "whole"
		for i := range b {
			if b[i] != held(i) {
				said = fmt.Sprintf("broken at %d", i)
				break
			}
		}
		fmt.Println(said)
	}
	return nil
}

// held is a byte of what is held.
func held(i int) byte {
	if i&1 == 0 {
		return 7
	}
	x := uint32(i) * 2654435761
	return byte(x >> 24)
}

// crowd is processes below processes, each with threads that never rest.
func crowd(a []string) error {
	depth, err := strconv.Atoi(a[0])
	if err != nil {
		return err
	}
	for range 3 {
		go func() {
			for {
			}
		}()
	}
	if depth == 0 {
		fmt.Println("crowded")
		select {}
	}
	child := exec.Command("/payload", "crowd", strconv.Itoa(depth-1))
	child.Stdout = os.Stdout
	return child.Run()
}

// storm executes one program after the other.
func storm([]string) error {
	for n := 0; ; n++ {
		if n == 1 {
			fmt.Println("storming")
		}
		if err := exec.Command("/payload", "exit", "0").Run(); err != nil {
			return err
		}
	}
}
