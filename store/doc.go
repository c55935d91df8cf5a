// Package store keeps everything durable: tenants, keys, functions, versions, aliases
// and builds, in PostgreSQL or in SQLite, behind the same methods and with the same
// SQL. Only it and migrations speak SQL.
//
// # What it promises
//
//   - A method that returned nil has happened for good; one that returned an error has
//     not happened at all. (After a lost connection in the middle of a commit, nobody
//     can know; that is ErrUnavailable.)
//   - Every error carries a kind of the root package: ErrNotFound, ErrConflict and
//     ErrInvalid are the caller's, ErrUnavailable and ErrTimeout may pass by
//     themselves, ErrUnauthorized is an API key that is not known or has expired.
//   - A version never changes once it is not building, but for the reason that says why
//     the platform took its events away; its number is never given to another version of
//     the function, and an alias only ever names ready versions.
//   - API keys are kept as SHA-256 only.
//   - Times are kept in microseconds and come back in UTC.
//
// # The two engines
//
// SQLite is for one process. All writes go through one connection, so that they wait
// in line here, in order and with their contexts honoured, instead of failing with
// SQLITE_BUSY; each transaction takes the write lock at its beginning. Reads have
// connections of their own and, because of the write-ahead log, never wait for a
// write. synchronous is FULL: each commit is on disk before a method returns, also
// through a power cut. NORMAL would be faster and could lose the last commits, and
// what is written here is deploys, not events: tens a second at most.
//
// PostgreSQL is for a cluster of gateways. Durability is the server's setting
// (synchronous_commit, on by default). The URL takes the parameters of pgxpool, such
// as pool_max_conns; behind a pooler in transaction mode add
// default_query_exec_mode=exec.
//
// What must be atomic is one transaction that locks the function's row (PostgreSQL) or
// the database (SQLite). The dialect type holds all that the SQL has to know about the
// engine.
//
// # Neighbours
//
// The gateway reads and writes here; invokers never do. The schema is in migrations
// and is brought up to date by [Open].
package store
