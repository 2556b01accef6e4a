// Package transport carries requests to servers: it resolves and parses URLs,
// opens connections and keeps them, speaks HTTP, and measures each phase where
// it happens, at the connection. It knows nothing of JavaScript and nothing of
// metrics.
//
// What the clients of a runner share is a [Network]; how they talk, [Settings],
// is shared by all VUs with the same options. Each VU has [Client]s of its own.
// A [Call] is one request over one connection, a [Reply] what came of it.
//
// Requests are written and connections managed here, because fasthttp's client
// hides the phases of a request, keeps a goroutine per host and retries;
// response headers are parsed by fasthttp.
//
// # A hostile target
//
// Whatever a server sends costs no more than limits.go says and no longer than
// the call's deadline (plus 50 ms at most). A connection is used again only
// when exactly the bytes of the response have been received; what does not fit
// is reported with an error code of its own.
package transport
