// Package bus carries everything that crosses between the processes of Slipway, over
// NATS: events to invokers and their answers, questions of the control plane, what
// invokers say about themselves, notices of change, the lines that functions print,
// and blobs. It is the only package that knows NATS.
//
// # What it promises
//
//   - [Bus.RoundTrip] and [Bus.Serve] carry one [slipway.Request] and its
//     [slipway.Response] with bodies of any size, both ways at once, in bounded
//     memory: at most [window] frames of [chunkBytes] wait in each direction.
//   - A body is never cut short silently. A handler that fails in the middle, a
//     message that was lost and a process that died all give the reader an error.
//   - A caller that goes away ends its handler's context; a process that dies is
//     noticed within [Config.PeerTimeout]; a subject that nobody serves is
//     [slipway.ErrUnavailable] at once.
//   - A request and a response whose bodies are known to be small are one message
//     each way.
//   - The connection is made again for ever. Meanwhile every call that needs it is
//     ErrUnavailable at once; nothing is buffered.
//   - A call of a subject that the same process serves is handed over without NATS
//     (direct.go), and keeps these promises. It needs no connection.
//
// # The protocol of a call
//
// A call is named by 64 random bits. Every message of it is one frame:
//
//	 0      1                9          13          17
//	+------+----------------+-----------+-----------+---------------+
//	| kind | call           | number    | limit     | payload ...   |
//	+------+----------------+-----------+-----------+---------------+
//
// all integers big endian. number counts what this end has sent: head, data, end and
// error frames take the next number, starting with 0; the other frames carry the
// number that would be next. The receiver can so tell that nothing is missing, with
// every frame it gets. limit is the credit: the other end may send data frames whose
// number is below it. It only grows, and every frame repeats it, so that a lost frame
// loses no credit.
//
//	frame      payload                          sent
//	head       the request or response, and     first, by both ends
//	           its body when that is complete
//	data       a piece of the body              after a head whose body is not complete
//	end        the trailer                      after the last data
//	error      code, retry-after, message       instead of head or end, by the handler;
//	                                            instead of end by the caller
//	credit     -                                when half the window has been read
//	keepalive  -                                after a second in which nothing was sent
//	cancel     -                                by the end that gives the call up
//
//	caller                                              handler
//	  |-- head ----------------------- <subject> ---------->|   queue group
//	  |                                                     |
//	  |<-- credit ------------- caller's inbox -------------|   only when the request's
//	  |-- data, data, end ----- handler's inbox ----------->|   body is not in its head
//	  |                                                     |
//	  |<-- head ----------------caller's inbox -------------|
//	  |<-- data, data, end -----caller's inbox -------------|   only when the response's
//	  |-- credit -------------- handler's inbox ----------->|   body is not in its head
//
// The reply subject of a handler's frames is its inbox, one for the whole process: that
// is how the caller learns it. Until then it can cancel only on <subject>.cancel, which
// every process that serves the subject hears. A caller gives its inbox as the reply
// subject of its head and of its keepalives, so that NATS says "no responders" there
// when nobody serves the subject, or when the handler's process has gone. It says that
// to an inbox and not to a call: an inbox serves one call at a time and then another,
// but none on whose way such a word could be.
//
// A call that lasts shorter than a second sends no keepalive. Times travel as
// durations, so that the clocks of two machines need not agree.
//
// # The rest
//
// [Bus.Ask] and [Bus.Answer] are calls whose bodies are JSON. Presence and changes are
// plain messages: who misses one learns it from the next, or from its own periodic
// reload. Log lines are batched by [LogWriter] into messages of the JetStream streams
// LOGS and, for jobs, JOBLOGS, where neighbours of an array share them; blobs, which are
// for clusters only, are cut into messages of the stream BLOBS.
//
// Jobs have two streams whose messages go when they are acknowledged. JOBWORK holds what
// each incarnation of an invoker is to run ([Bus.GiveAssignments], [Bus.TakeJobs]), and
// JOBREPORTS what became of it ([Bus.Report], [Bus.TakeReports]); both in batches.
//
// # What is on disk
//
// JetStream does not fsync each message by default; a machine that loses power would
// forget what it has acknowledged in the last two minutes. The embedded server of this
// package syncs before it acknowledges (SyncAlways), because accepted events and jobs
// must survive. There the streams of log lines ask for the opposite (asynchronous
// persistence): a fraction of a second of log lines may be lost with the power, and
// none of them delays an event. An external NATS server is configured by whoever runs
// it: set sync_interval: always there, or keep three replicas ([Config.Replicas]).
package bus
