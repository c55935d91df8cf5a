// Package migrations holds the schema of the store as numbered SQL files, one folder
// per engine. A number means the same step in both folders.
//
// A file that has been released is never changed: a later step mends an earlier one.
// There are no steps back, because they lose what was written since; the way back is
// a backup. The store refuses a database whose number is higher than the last one
// here.
//
// The two engines differ in types only, and the store's SQL is written for both:
//
//	                PostgreSQL                 SQLite
//	moment          timestamptz                timestamp, an integer of microseconds since 1970
//	JSON, read      jsonb                      text
//	JSON, kept      json, as it was written    text
//	names           text, compared by bytes    text, compared by bytes
//	bytes           bytea                      blob
package migrations
