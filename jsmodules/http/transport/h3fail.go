package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/quic-go/quic-go"
)

// What HTTP/3 (RFC 9114, 7.2 and 11.2.4) is made of.
const (
	h3Data     = 0x0
	h3Headers  = 0x1
	h3Settings = 0x4
	h3Push     = 0x5
	h3GoAway   = 0x7

	h3ControlStream = 0x0
	h3PushStream    = 0x1
	h3EncoderStream = 0x2
	h3DecoderStream = 0x3

	h3MaxFieldSection = 0x6
)

// Error codes of HTTP/3 (RFC 9114, 8.1).
const (
	h3NoError          = 0x100
	h3StreamCreation   = 0x103
	h3ClosedCritical   = 0x104
	h3FrameUnexpected  = 0x105
	h3FrameError       = 0x106
	h3ID               = 0x108
	h3MissingSettings  = 0x10a
	h3RequestRejected  = 0x10b
	h3RequestCancelled = 0x10c
	h3MessageError     = 0x10e
	qpackDecompression = 0x200
)

// Codes of what goes wrong in HTTP/3; ours.
const (
	codeH3          = 1800 // generic
	codeH3Version   = 1801 // the server speaks no version of QUIC that we do
	codeH3Forgotten = 1802 // the server does not know the connection any more
	codeH3Idle      = 1803 // the server fell silent
	codeH3Broken    = 1804 // the server broke HTTP/3
	codeQUIC        = 1810 // + the error code of QUIC that ended the connection
	codeH3Stream    = 1830 // + the error code of HTTP/3 less 0x100: the server reset the stream
	codeH3Conn      = 1850 // + the same: the server ended the connection
)

var (
	failNoH3      = &Failure{Code: codeH3, Text: "HTTP/3 needs https://"}
	failH3Proxy   = &Failure{Code: codeH3, Text: "HTTP/3 does not go through a proxy or a unix socket"}
	failH3Absent  = &Failure{Code: codeH3, Text: "HTTP/3 is not available here"}
	failH3TLS     = &Failure{Code: codeH3, Text: "HTTP/3 needs TLS 1.3, which the options do not allow"}
	failH3Generic = &Failure{Code: codeH3, Text: "HTTP/3 connection failed"}
	failH3Frame   = &Failure{Code: codeH3Broken, Text: "the server broke HTTP/3: wrong frame"}
	failH3Away    = h3CodeFailure(codeH3Conn, h3NoError, "the server ended the HTTP/3 connection: ")
	failH3Streams = &Failure{Code: codeH3Broken, Text: "the server broke HTTP/3: no control stream is allowed"}
	failQPACK     = &Failure{Code: codeH3Broken, Text: "the server broke HTTP/3: header cannot be decompressed"}

	h3Names = [...]string{
		"H3_NO_ERROR", "H3_GENERAL_PROTOCOL_ERROR", "H3_INTERNAL_ERROR", "H3_STREAM_CREATION_ERROR", "H3_CLOSED_CRITICAL_STREAM",
		"H3_FRAME_UNEXPECTED", "H3_FRAME_ERROR", "H3_EXCESSIVE_LOAD", "H3_ID_ERROR", "H3_SETTINGS_ERROR", "H3_MISSING_SETTINGS",
		"H3_REQUEST_REJECTED", "H3_REQUEST_CANCELLED", "H3_REQUEST_INCOMPLETE", "H3_MESSAGE_ERROR", "H3_CONNECT_ERROR", "H3_VERSION_FALLBACK",
	}
)

// h3CodeFailure returns the failure of a range for an error code of HTTP/3.
func h3CodeFailure(first int, code uint64, text string) *Failure {
	if code -= 0x100; code >= uint64(len(h3Names)) { // below 0x100, it is huge now
		return &Failure{Code: codeH3, Text: text + "an unknown error"}
	}
	return &Failure{Code: first + int(code), Text: text + h3Names[code]}
}

// h3Failure says in the terms of replies what an operation of quic-go returned.
// answered tells that the response had begun.
func h3Failure(err error, answered bool) *Failure {
	var f *Failure
	var stream *quic.StreamError
	var app *quic.ApplicationError
	var transport *quic.TransportError
	var idle *quic.IdleTimeoutError
	var reset *quic.StatelessResetError
	var limit *quic.StreamLimitReachedError
	var errno syscall.Errno
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, quic.ErrTransportClosed) && errors.As(err, &errno):
		return IOFailure(errno) // the socket broke: nobody has ended anything
	case errors.As(err, &limit):
		return failH3Streams
	case errors.As(err, &stream):
		if !stream.Remote {
			return FailInterrupted
		}
		return h3CodeFailure(codeH3Stream, uint64(stream.ErrorCode), "the server reset the HTTP/3 stream: ")
	case errors.As(err, &app):
		if app.Remote {
			return h3CodeFailure(codeH3Conn, uint64(app.ErrorCode), "the server ended the HTTP/3 connection: ")
		}
		if app.ErrorCode == h3NoError {
			return FailInterrupted
		}
		f := h3CodeFailure(codeH3Conn, uint64(app.ErrorCode), "the server broke HTTP/3: ")
		f.Code = codeH3Broken
		return f
	case errors.As(err, &idle):
		return &Failure{Code: codeH3Idle, Text: "nothing came from the server over QUIC for too long"}
	case errors.As(err, &reset):
		return &Failure{Code: codeH3Forgotten, Text: "the server has forgotten the QUIC connection"}
	case errors.As(err, &transport):
		if transport.ErrorCode.IsCryptoError() {
			return handshakeFailure(err, "HTTP/3")
		}
		text := "the server ended the QUIC connection: "
		if !transport.Remote {
			text = "the server broke QUIC: "
		}
		if transport.ErrorCode > 0x10 {
			return &Failure{Code: codeH3, Text: text + "an unknown error"}
		}
		return &Failure{Code: codeQUIC + int(transport.ErrorCode), Text: text + transport.ErrorCode.String()}
	case err == io.EOF && !answered:
		return failNoResponse
	case isEnd(err), isTimeout(err), errors.Is(err, errSource), errors.Is(err, net.ErrClosed), errors.Is(err, context.Canceled):
		if errors.Is(err, context.Canceled) {
			return FailInterrupted
		}
		return IOFailure(err)
	}
	if f := IOFailure(err); f.Code != CodeGeneric {
		return f
	}
	return failH3Generic
}

// quicDialFailure says why no connection was made to addr.
func quicDialFailure(err error, addr, name string) *Failure {
	var version *quic.VersionNegotiationError
	var transport *quic.TransportError
	var handshake *quic.HandshakeTimeoutError
	var idle *quic.IdleTimeoutError
	switch {
	case errors.As(err, &version):
		return &Failure{Code: codeH3Version, Text: "the server speaks no version of QUIC that is spoken here"}
	case errors.As(err, &transport) && transport.ErrorCode.IsCryptoError():
		return handshakeFailure(err, name)
	case errors.As(err, &handshake), errors.As(err, &idle), isTimeout(err):
		return &Failure{Code: codeDialTimeout, Text: "timeout connecting to " + addr + " over QUIC"}
	}
	return h3Failure(err, false)
}
