// Package trigger turns what happens outside into invocations and jobs: times, messages
// of NATS, requests to webhooks. It imports the root package and internal/bus; its one
// door opens onto robfig/cron, which reads schedules.
//
//	time ---- cron ----+
//	                   |                    +-- Accepter: an asynchronous event
//	NATS --- listen ---+--> fire: one event +
//	                   |    with its id     +-- Submitter: a job
//	HTTP ---- hook ----+
//
// # What it promises
//
//   - What happens once is one invocation, or one job: the id of the event is made from
//     what happened (the trigger and the time; the message's place in its stream; the
//     delivery's own id), so that two gateways, a redelivery, and a crash between firing
//     and recording come to the same id, which who accepts it accepts once.
//   - A time is recorded as done after its event was accepted; a message of a stream is
//     acknowledged after; a webhook is answered after. A crash before repeats it, with the
//     same id.
//   - One gateway of a cluster fires cron: the one that has the lease in the store. When it
//     dies another takes over within [leaseTime], and what was due meanwhile is on time.
//   - What cannot work (the function is gone, the payload is too large) is recorded as the
//     trigger's last error and not tried again; what may work later is.
//   - A tenant reaches nothing of another one: not its functions, and of NATS only
//     subjects below its own name. The default tenant, whose admins look after all, has
//     every subject but the platform's.
//
// # Neighbours
//
// The gateway has the REST calls and the URL of webhooks, and answers synchronous ones.
// The store holds triggers and what they did. async accepts events, batch takes jobs.
package trigger
