package http

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/swarmload/swarm/sandbox/egress"
)

// Error codes of requests, reported as `error_code` on responses and metrics.
// Those up to 1999 that k6 documents have k6's meaning; 1030–1039 are ours, for
// servers that break the protocol.
const (
	codeGeneric = 1000
	codeURL     = 1020

	codeMalformed    = 1030 // not an HTTP response, or a broken one
	codeLengths      = 1031 // contradicting lengths
	codeSurplus      = 1032 // bytes after the response
	codeHeadTooLarge = 1033
	codeBodyTooLarge = 1034
	codeInterim      = 1035 // too many 1xx responses
	codeTruncated    = 1036 // connection closed in the middle of the response
	codeNoResponse   = 1037 // connection closed without any response

	codeTimeout     = 1050
	codeInterrupted = 1051 // the test ended before the response was there

	codeDNS         = 1100
	codeNoSuchHost  = 1101
	codeBlockedIP   = 1110
	codeTCP         = 1200
	codeBrokenPipe  = 1201
	codeErrno       = 1202
	codeDial        = 1210
	codeDialTimeout = 1211
	codeRefused     = 1212
	codeReset       = 1220
	codeTLS         = 1300
	codeAuthority   = 1310
	codeHostname    = 1311
	codeDecode      = 1701
)

// failure is why a request has no usable response. Its text is stable: it holds
// no ephemeral port and no bytes of the peer, so it serves as a tag value.
type failure struct {
	code int
	text string
}

func (f *failure) Error() string { return f.text }

// hint says what to look at first; empty when the text says it all.
func (f *failure) hint() string {
	switch f.code {
	case codeRefused:
		return "is the target running, and are host and port right?"
	case codeDNS, codeNoSuchHost:
		return "is the host name right?"
	case codeDialTimeout:
		return "is the host reachable from here?"
	case codeTimeout:
		return "the parameter timeout gives a request more time (default 60s)"
	case codeAuthority, codeHostname:
		return "the option insecureSkipTLSVerify accepts any certificate"
	case codeBlockedIP:
		return "no script may reach this address"
	}
	return ""
}

var (
	failMalformed    = &failure{codeMalformed, "malformed response"}
	failLengths      = &failure{codeLengths, "response with contradicting lengths"}
	failSurplus      = &failure{codeSurplus, "bytes after the response"}
	failHeadTooLarge = &failure{codeHeadTooLarge, "response header larger than 64 KiB"}
	failInterim      = &failure{codeInterim, "too many 1xx responses"}
	failTruncated    = &failure{codeTruncated, "connection closed in the middle of the response"}
	failNoResponse   = &failure{codeNoResponse, "connection closed without a response"}
	failTimeout      = &failure{codeTimeout, "request timeout"}
	failInterrupted  = &failure{codeInterrupted, "interrupted by the end of the test"}
	failDecode       = &failure{codeDecode, "response body cannot be decompressed"}
)

// statusCode returns the error code of an HTTP status, 0 when it is no error.
func statusCode(status int) int {
	if status >= 400 && status < 600 {
		return 1000 + status
	}
	return 0
}

// dialFailure says why a connection to addr could not be opened.
func dialFailure(err error, addr string) *failure {
	var dns *net.DNSError
	var errno syscall.Errno
	var blocked *egress.Blocked
	switch {
	case errors.Is(err, context.Canceled):
		return failInterrupted
	case errors.As(err, &blocked):
		return &failure{codeBlockedIP, blocked.Error()}
	case errors.As(err, &dns):
		host, _, _ := net.SplitHostPort(addr)
		if dns.IsNotFound {
			return &failure{codeNoSuchHost, "no such host: " + host}
		}
		return &failure{codeDNS, "lookup of " + host + " failed"}
	case isTimeout(err):
		return &failure{codeDialTimeout, "timeout connecting to " + addr}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &failure{codeRefused, "connection refused by " + addr}
	case errors.Is(err, syscall.ECONNRESET):
		return &failure{codeReset, "connection reset by peer"}
	case errors.As(err, &errno):
		return &failure{codeDial, "cannot connect to " + addr + ": " + errno.Error()}
	}
	return &failure{codeDial, "cannot connect to " + addr}
}

// handshakeFailure says why a TLS session with the server could not be set up.
func handshakeFailure(err error, name string) *failure {
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var alert tls.AlertError
	switch {
	case errors.As(err, &authority):
		return &failure{codeAuthority, "certificate of " + name + " is signed by an unknown authority"}
	case errors.As(err, &hostname):
		return &failure{codeHostname, "certificate is not valid for " + name}
	case errors.As(err, &alert):
		return &failure{codeTLS, alert.Error()}
	case isTimeout(err), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return ioFailure(err)
	}
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) {
		return &failure{codeTLS, "certificate of " + name + " is not valid: " + reasonText(invalid.Reason)}
	}
	return &failure{codeTLS, "TLS handshake with " + name + " failed"}
}

func reasonText(r x509.InvalidReason) string {
	if r == x509.Expired {
		return "expired or not yet valid"
	}
	return "reason " + strconv.Itoa(int(r))
}

// ioFailure says why reading or writing on an open connection failed.
func ioFailure(err error) *failure {
	var errno syscall.Errno
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return failTruncated
	case isTimeout(err):
		return failTimeout
	case errors.Is(err, net.ErrClosed):
		return failInterrupted // only the end of the context closes a connection in use
	case errors.Is(err, syscall.ECONNRESET):
		return &failure{codeReset, "connection reset by peer"}
	case errors.Is(err, syscall.EPIPE):
		return &failure{codeBrokenPipe, "broken pipe: the server closed the connection"}
	case errors.As(err, &errno):
		return &failure{codeErrno, errno.Error()}
	case errors.As(err, &alert), errors.As(err, &record):
		return &failure{codeTLS, "TLS record not valid"}
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return &failure{codeTCP, "network error on " + op.Op}
	}
	return &failure{codeGeneric, "connection failed"}
}

func isTimeout(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
