// Command pipeline is every step of a batch pipeline that counts the words of a folder of
// text. Which step it is stands in its first argument:
//
//	count     an array: each child counts the words of its part of /job/input
//	total     adds up what the children have left; it keeps all in memory on purpose
//	check N   fails with exit status 3 when there are less than N words
//	report    writes the most frequent words as a page
//	alarm     says that the check has failed
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
)

// Where a job finds what it was given, and leaves what is kept.
const (
	input  = "/job/input"
	deps   = "/job/deps"
	output = "/job/output"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pipeline:", err)
		var status exitStatus
		if errors.As(err, &status) {
			os.Exit(int(status))
		}
		os.Exit(1)
	}
}

// exitStatus is an error with an exit status of its own.
type exitStatus int

func (s exitStatus) Error() string { return "exit status " + strconv.Itoa(int(s)) }

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("say which step: count, total, check, report or alarm")
	}
	switch step := args[0]; step {
	case "count":
		return count()
	case "total":
		return total()
	case "check":
		if len(args) != 2 {
			return errors.New("check needs the least number of words")
		}
		least, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return check(least)
	case "report":
		return report()
	case "alarm":
		fmt.Println("the check of the word count has failed; somebody should look")
		return nil
	default:
		return fmt.Errorf("there is no step %q", step)
	}
}
