// Command async measures how many asynchronous events are accepted a second, each on disk
// before its 202 leaves, beside what bounds it on either side: messages that JetStream
// stores, synced alike, and requests that Go's HTTP server answers without doing anything.
//
//	go run ./bench/async -slipway bin/slipway
//
// All of it is one run, in turn and again in the next round, on the same disk. The load
// is this program's own: kept connections that send a request of 128 bytes of JSON as soon
// as the one before is answered.
//
//   - HTTP alone: a server of net/http in a process of its own that reads the body and
//     answers 202.
//   - JetStream, one by one: as many publishers as clients, each waits for its message to
//     be stored. The server is embedded in this process, reached without a socket, and
//     syncs each message (SyncAlways), as the one in slipway serve does.
//   - JetStream, pipelined: the same, with as many messages on their way as clients.
//   - accepted: slipway serve, for a function that is paused: nothing runs meanwhile, but
//     the events are written into the store.
//   - accepted while they run: the same for a function that answers at once. Accepting and
//     running share the processors.
//
// A figure is the median of the rounds; a ratio is the median of the rounds' ratios.
package main
