// Package ledger is the pool's state and every decision it makes, without a clock, a
// goroutine or a lock: what happens is told to it together with the time, and what must
// be done about it comes out as [Orders]. [pool.Pool] drives it with real instances and
// the machine's clock, a simulator with its own.
//
// # Events and orders
//
// Every method that takes a time is an event; times never go back. After each event (or
// a batch of them) the driver takes the [Orders] and reports what became of each:
//
//	order     what the driver does              what it reports
//	Start     starts an instance of the spec    Started, or StartFailed
//	Close     ends the instance                 Gone
//
// An instance that ends by itself is reported with Died, one that should get nothing new
// with Unfit. Who wants a slot asks with [Ledger.Take]; when there is none, it waits with
// [Ledger.Wait] and is answered once, during some later event or that one, unless it goes
// away with [Ledger.Leave]. A slot comes back with [Ledger.Release].
//
// [Ledger.Sweep] does what is due although nothing happened; the driver calls it often.
//
// # The invariants
//
//   - A version never has more members than its bound, closing ones included, and the
//     promised memory never exceeds the machine's.
//   - A slot is held by one lease.
//   - A waiter is answered once: with a slot, or with an error that says why.
//   - Each member that was ordered to start is ordered to close, once, unless its start
//     failed.
package ledger
