// Package sim is a discrete-event simulation of a cluster that serves the arrivals of a
// trace. What decides in it is the product's own code, package pool/ledger on every
// invoker and package gateway/choose in every gateway, or one of the policies that they
// are compared with.
//
// # The model
//
// An invocation arrives at a gateway, whose router names an invoker; it reaches the
// invoker a hop later. There a node (the ledger, or another policy) gives it an instance
// at once, or has it wait for one. It runs for as long as the trace says, whatever else
// the machine does: machines have memory, and processors enough. An invocation that an
// invoker refuses for want of room is sent to a second one, as the gateway does, and is
// lost when that refuses it too.
//
// A start takes what starting a sandbox takes, plus what the function's own code takes to
// be ready: a time of each function's own, drawn once. Memory is taken from the order to
// start until the instance is closed. A frozen instance costs its thaw; one that was
// reclaimed costs more, and holds a part of its memory only.
//
// Gateways know of invokers what these publish: when something changed, but not again
// within a pause. Between two states they know what they sent themselves.
//
// # What is compared
//
// Nodes: the ledger; a fixed keep-alive; the hybrid histogram policy of "Serverless in the
// Wild" (USENIX ATC 2020) without its forecast of idle times beyond the histogram, which
// get the histogram's whole range instead. Routers: package choose, random, least loaded,
// consistent hashing. Knative's autoscaler (stable and panic windows, scale to zero after
// a grace) places instances and queues invocations for the whole cluster, and has no
// router. All know what they know without delay, except package choose.
//
// # Invariants
//
//   - Every invocation ends once: run or refused.
//   - The same configuration and trace give the same result, to the last digit.
package sim
