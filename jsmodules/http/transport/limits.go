package transport

import "time"

// What one response may cost, whatever the server sends. Together with the
// request's timeout these bound the memory and the time of a request.
const (
	maxHead     = 64 << 10  // bytes of a response's status line and headers, and of its trailers
	maxBody     = 64 << 20  // bytes of a response body that is kept, before and after decompression
	maxBodies   = 512 << 20 // bytes of bodies that all clients of a network hold together
	freeBody    = 1 << 20   // bytes of a buffer that does not count for that
	maxInterim  = 32        // 1xx responses before the final one
	maxIdle     = 64        // idle connections of one VU
	maxAside    = 8         // connections that a VU opens on goroutines of their own
	readBuffer  = 4 << 10
	firstGrowth = 32 << 10 // bytes allocated for a body before any more of it has arrived
	inlineBody  = 16 << 10 // request bodies up to this many bytes are sent with the header in one write
	copyBuffer  = 64 << 10 // bytes of a body in flight between its source and the connection, or the connection and nowhere

	// When bodies are too large together, the garbage collector is asked to have
	// a look if so many bytes were reserved, or so much time has passed, since it
	// did last.
	collectAfter = 64 << 20
	collectEvery = 50 * time.Millisecond
	collectWait  = 20 * time.Millisecond // for what it has found to be told, twice at most
	collectLooks = 20

	// Limit of the cache that clients with the same settings share.
	maxTargets = 4096

	// DeadlineSlack is how much later than asked a timeout may come. A
	// connection's deadline is moved only when it is off by more, so that a
	// busy connection pays for a timer a few times a second, not per request.
	DeadlineSlack = 50 * time.Millisecond
)
