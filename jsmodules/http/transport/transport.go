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
// # Versions
//
// A connection of HTTP/1.1 carries one call after another and waits in a list
// between them (client.go, call.go). Connections of HTTP/2 (h2.go) and HTTP/3
// (h3.go) are carriers: one for each origin, which concurrent calls share as
// streams; calls beyond what the server takes at once wait their turn. Calls
// that begin while the first connection to an origin is being opened wait for
// it. version.go decides what a call is carried by, Alt-Svc may lead it from TCP
// to QUIC (altsvc.go). What a response of HTTP/2 or HTTP/3 is made of is put
// into the form of HTTP/1.1 in one place (incoming.go).
//
// Bytes are counted at the socket and given to the reply that ends next: over a
// shared connection, which call a byte belongs to cannot be told. What crosses
// after the last reply, acknowledgements as a rule, is nobody's. The handshake
// of QUIC is all TLSHandshaking; Connecting is 0.
//
// # A hostile target
//
// Whatever a server sends costs no more than limits.go says, all calls of a
// network together too (budget.go), and no longer than the call's deadline (plus
// 50 ms at most). A connection is used again only
// when exactly the bytes of the response have been received; what does not fit
// is reported with an error code of its own.
package transport
