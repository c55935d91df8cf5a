// Package sandboxtest is the conformance suite of [slipway.Launcher]: what a sandbox
// promises, whichever runtime makes it. It runs real sandboxes with a program of its
// own, which tries from inside what must and what must not be possible.
package sandboxtest
