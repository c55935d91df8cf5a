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
//	order     what the driver does                    what it reports
//	Start     starts an instance of the spec          Started, or StartFailed
//	Freeze    takes its processor time                Froze
//	Reclaim   moves its memory to swap                Reclaimed
//	Thaw      gives it its processor time again       Thawed
//	Close     ends the instance                       Gone
//
// A member has one order at a time. What is wanted of it meanwhile is ordered when the
// report of the first one is in, but for a thaw of what is being reclaimed: that ends the
// reclaim, whose report may come later.
//
// An instance that ends by itself is reported with Died, one that should get nothing new
// with Unfit. Who wants a slot asks with [Ledger.Take]; when there is none, it waits with
// [Ledger.Wait] and is answered once, during some later event or that one, unless it goes
// away with [Ledger.Leave]. A slot comes back with [Ledger.Release].
//
// Jobs borrow memory with [Ledger.Lend] and give it back with [Ledger.Return], when they
// end or when they are asked to.
//
// [Ledger.Next] is the earliest time at which something is due although nothing happens;
// the driver calls [Ledger.Sweep] then, or later.
//
// # The decisions
//
// A slot goes to whoever waits longest, of whichever member has one first; to a caller who
// comes when one is free, of the member used last. Frozen members are thawed before any is
// started. One is started when waiting costs more (see wantsStart): what an event and a
// start of the version take is learnt.
//
// Room that comes free goes to the smallest share (see precedes), and a function that
// has more than its share gives up members between events (see claims). Without room,
// idle members go, the least worth keeping first (see value).
//
// A job gets what nobody needs (see Lend). It gives it back when a function needs it, if
// it is one that does (see gather and recall).
//
// How long an idle member stays is learnt from the gaps in the demand for it (see demand
// and gaps), within scaling.idle_min and scaling.idle_timeout.
//
// # The invariants
//
//   - A version never has more members than its bound, closing ones included, and the
//     memory that is promised or lent never exceeds the machine's.
//   - What is lent is not asked back twice, and never from who keeps it to the end.
//   - A slot is held by one lease, and its member runs: it is neither frozen nor closed.
//   - A waiter is answered once: with a slot, or with an error that says why.
//   - Each member that was ordered to start is ordered to close, once, unless its start
//     failed.
package ledger
