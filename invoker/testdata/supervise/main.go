// Command supervise is the supervisor of these tests: their own program is linked to
// libraries, and an image need not have them.
package main

import "github.com/slipway-run/slipway/invoker/supervisor"

func main() { supervisor.Init() }
