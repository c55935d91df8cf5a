// Package rig is what the programs under bench have in common.
//
// A [Server] is `slipway serve` on a free port with a data folder of its own. It ends
// with the process that started it, and leaves nothing behind when it is stopped. The
// programs speak to it as a user does: with the command line and with REST.
//
// A [Peer] is another way to run the same program in a container: runc, podman or
// docker, where they are installed. A [Process] is the program without any.
package rig
