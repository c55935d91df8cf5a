// Command slipway is the whole platform in one binary: the server (serve), its parts
// for a cluster (gateway, invoker), and the command line client (deploy, invoke,
// logs and so on).
//
// It is the one place that knows every package. serve.go reads top to bottom as the
// architecture: store, bus, images, sandboxes, pool, invoker, gateway; shutting down is
// the reverse, under one deadline (parts.go). gateway.go and invoker.go wire the same
// pieces apart. Flags, SLIPWAY_* variables and a file become one configuration in
// settings.go; no other package reads the environment.
//
// The first line of main is the sandbox's init: the process that becomes the user's
// program is this binary, executed again (see internal/sandbox).
//
// Exit status: 0, 1 (it failed), 2 (used wrongly).
package main
