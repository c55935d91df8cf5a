// Package rig starts the throw-away server that the programs under bench measure.
//
// A [Server] is `slipway serve` on a free port with a data folder of its own. It ends
// with the process that started it, and leaves nothing behind when it is stopped. The
// programs speak to it as a user does: with the command line and with REST.
package rig
