// Package front is an HTTP/1.1 server for the plainest of requests, in front of that of
// net/http, which gets everything else.
//
// # The model
//
// Nearly all requests are plain: a method, a path, fields that concern nobody but the
// function, and a small body whose length is given, or none. For these net/http does
// more than is needed: it starts a goroutine for each to learn whether the client has
// gone, sets deadlines, and goes through several buffers. A [Server] reads such a head
// in place, runs the handler on the connection's one goroutine, and writes a small
// answer in one piece.
//
// A connection begins here. With the first request that is not plain in every respect
// (parse.go says what that is), or that [Server.Takes] does not want, the connection and
// all that was read of that request go to net/http, and stay there.
//
// # The invariants
//
//   - Nothing is refused or repaired here: what is odd, ambiguous or wrong is for
//     net/http to judge. What is accepted here net/http would read in the same way,
//     which a fuzz test holds.
//   - The limits are those of the http.Server: ReadHeaderTimeout from the first byte of
//     a head, IdleTimeout between requests. Shutdown lets requests finish.
//   - The end of a client ends its request's context: a request that takes longer than a
//     few milliseconds has its connection watched, without anything being read from it.
package front
