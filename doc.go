// Package slipway is the vocabulary of Slipway, a serverless platform that packs
// code into containers and runs them: one word for one thing, in code, REST,
// command line, logs and documentation.
//
// # The words
//
// A [Tenant] owns everything below it. A [Function] is a named thing that answers
// events; it has a [Config] and versions. A [Version] is immutable: an image digest
// plus the configuration at the moment it was published, numbered from 1. An
// [Alias] is a name for one version, or a weighted split of two; the alias
// [LiveAlias] receives events unless told otherwise. An [Image] is an OCI image,
// held by digest, its layers unpacked. A [Build] turns uploaded source or an
// uploaded image into a version.
//
// A [Sandbox] is the mechanism: namespaces, cgroup, root filesystem, network and
// one process tree. An instance ([InstanceInfo]) is one running sandbox of one
// version. An invocation is one event handled by one function: a [Request] in and a
// [Response] out, exactly one outcome; an asynchronous one ([Event]) is durable before it
// is accepted, and has a record ([Invocation]). A [Trigger] turns something outside into
// an invocation or a job. An invoker ([InvokerState]) is the process that owns the
// sandboxes of one machine.
//
// A [Job] is a command that runs to its end in a sandbox of its own, in one or more
// attempts ([JobAttempt]); an array is many of them with one submission ([JobRequest]). It
// is made from a revision of a [JobDefinition], and waits in a [Queue], which uses the
// capacity of a [ComputeEnvironment]. An [Assignment] is what an invoker is given of it.
//
// # The rooms
//
// Each folder is one verb on this vocabulary, and siblings never import each other;
// cmd/slipway alone knows everyone and wires them:
//
//	gateway   turns HTTP into domain calls and domain errors into HTTP
//	invoker   runs one invocation or one job to its end, exactly one outcome each
//	async     owes accepted events their outcome: retries, destinations, dead letters
//	trigger   turns what happens outside into events and jobs
//	batch     queues, priorities, fair share, dependencies, arrays, retries
//	pool      keeps instances warm: who gets which, when to start and stop
//	packager  source or image -> OCI image; image -> root filesystem layers
//	store     everything durable, in PostgreSQL or SQLite
//	sdk       clients, and the bootstraps of handlers
//	internal  the mechanisms: sandbox, cgroup, network, bus
//
// # The invariants
//
//   - This package does no I/O and imports nothing but the standard library.
//   - A version never changes once it is ready; a failed deploy never touches the
//     version that serves.
//   - Every error that crosses a package carries one of the kinds in error.go. What
//     the user's code did wrong is a [FunctionError]; what the platform could not do
//     is an [Error]. They are never mixed.
package slipway
