package proxy

import (
	"errors"
	"strconv"
)

// Error is what [Proxy.Dial] and [Proxy.Connect] return.
type Error struct {
	Address string // of the proxy
	// Op is what failed: "dial" (the connection to the proxy), "secure" (TLS with
	// it) or "connect" (asking it for the target).
	Op string
	// Err is the error of the function that was passed for dialling or TLS, of the
	// socket or the context, or one of those below.
	Err error
}

func (e *Error) Error() string { return "proxy " + e.Address + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// What may go wrong in the conversation with a proxy. All have stable texts.
var (
	// ErrAuthRequired says that the proxy wants credentials and none were given.
	ErrAuthRequired = errors.New("authentication is required")
	// ErrAuthRefused says that the proxy does not take the credentials given.
	ErrAuthRefused = errors.New("user name or password is refused")
	// ErrMalformed says that the proxy's answer is not of its protocol.
	ErrMalformed = errors.New("malformed answer")
	// ErrTooLarge says that the proxy's answer has more than 64 KiB of header.
	ErrTooLarge = errors.New("header of the answer is larger than 64 KiB")
	// ErrClosed says that the proxy closed the connection before its answer was complete.
	ErrClosed = errors.New("connection was closed before the answer was complete")
	// ErrTarget says that the target cannot be asked of this proxy.
	ErrTarget = errors.New("target must be a host and port")
)

// RefusedError is the answer of an HTTP proxy that opened no tunnel. With
// status 407 it comes with [ErrAuthRequired] or [ErrAuthRefused].
type RefusedError struct{ Status int }

func (e *RefusedError) Error() string {
	return "tunnel is refused with status " + strconv.Itoa(e.Status)
}

// Reply is the code with which a SOCKS5 proxy refuses a connection (RFC 1928,
// section 6).
type Reply byte

const (
	GeneralFailure      Reply = 1
	NotAllowed          Reply = 2
	NetworkUnreachable  Reply = 3
	HostUnreachable     Reply = 4
	ConnectionRefused   Reply = 5
	TTLExpired          Reply = 6
	CommandUnsupported  Reply = 7
	AddressTypeRejected Reply = 8
)

func (r Reply) String() string {
	switch r {
	case GeneralFailure:
		return "general failure"
	case NotAllowed:
		return "connection is not allowed by its rules"
	case NetworkUnreachable:
		return "network is unreachable"
	case HostUnreachable:
		return "host is unreachable"
	case ConnectionRefused:
		return "target refused the connection"
	case TTLExpired:
		return "time to live expired"
	case CommandUnsupported:
		return "command is not supported"
	case AddressTypeRejected:
		return "address type is not supported"
	}
	return "reply code " + strconv.Itoa(int(r))
}

// ReplyError is the answer of a SOCKS5 proxy that opened no connection.
type ReplyError struct{ Reply Reply }

func (e *ReplyError) Error() string { return e.Reply.String() }
