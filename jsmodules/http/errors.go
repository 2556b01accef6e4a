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
	code   int
	text   string
	advice string // what to look at first, where the code alone does not say
	own    bool   // the generator is the cause: it has no descriptor, port or buffer left
}

func (f *failure) Error() string { return f.text }

// hint says what to look at first; empty when the text says it all.
func (f *failure) hint() string {
	if f.advice != "" {
		return f.advice
	}
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
	failMalformed    = &failure{code: codeMalformed, text: "malformed response"}
	failLengths      = &failure{code: codeLengths, text: "response with contradicting lengths"}
	failSurplus      = &failure{code: codeSurplus, text: "bytes after the response"}
	failHeadTooLarge = &failure{code: codeHeadTooLarge, text: "response header larger than 64 KiB"}
	failInterim      = &failure{code: codeInterim, text: "too many 1xx responses"}
	failTruncated    = &failure{code: codeTruncated, text: "connection closed in the middle of the response"}
	failNoResponse   = &failure{code: codeNoResponse, text: "connection closed without a response"}
	failTimeout      = &failure{code: codeTimeout, text: "request timeout"}
	failInterrupted  = &failure{code: codeInterrupted, text: "interrupted by the end of the test"}
	failDecode       = &failure{code: codeDecode, text: "response body cannot be decompressed"}
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
	case exhausted(err):
		f := &failure{code: codeDial, text: "cannot connect to " + addr, own: true}
		if errors.As(err, &errno) {
			f.text += ": " + errno.Error()
		}
		f.advice = "this machine has no buffer or port left for connections; use fewer VUs, or more machines"
		switch errno {
		case syscall.EMFILE, syscall.ENFILE:
			f.advice = "each VU has its own connections; ulimit -n says how many files and connections a process may have"
		case syscall.EADDRNOTAVAIL:
			f.advice = "this machine has no free port left for connections to that address; reuse connections, or use fewer VUs"
		}
		return f
	case errors.As(err, &blocked):
		return &failure{code: codeBlockedIP, text: blocked.Error()}
	case errors.As(err, &dns):
		host, _, _ := net.SplitHostPort(addr)
		if dns.IsNotFound {
			return &failure{code: codeNoSuchHost, text: "no such host: " + host}
		}
		return &failure{code: codeDNS, text: "lookup of " + host + " failed"}
	case isTimeout(err):
		return &failure{code: codeDialTimeout, text: "timeout connecting to " + addr}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &failure{code: codeRefused, text: "connection refused by " + addr}
	case errors.Is(err, syscall.ECONNRESET):
		return &failure{code: codeReset, text: "connection reset by peer"}
	case errors.As(err, &errno):
		return &failure{code: codeDial, text: "cannot connect to " + addr + ": " + errno.Error()}
	}
	return &failure{code: codeDial, text: "cannot connect to " + addr}
}

// exhausted reports whether err is the generator's own doing: it has run out of
// descriptors, local ports or socket buffers.
func exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.ENOBUFS)
}

// handshakeFailure says why a TLS session with the server could not be set up.
func handshakeFailure(err error, name string) *failure {
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var alert tls.AlertError
	switch {
	case errors.As(err, &authority):
		return &failure{code: codeAuthority, text: "certificate of " + name + " is signed by an unknown authority"}
	case errors.As(err, &hostname):
		return &failure{code: codeHostname, text: "certificate is not valid for " + name}
	case errors.As(err, &alert):
		return &failure{code: codeTLS, text: alert.Error()}
	case isTimeout(err), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return ioFailure(err)
	}
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) {
		return &failure{code: codeTLS, text: "certificate of " + name + " is not valid: " + reasonText(invalid.Reason)}
	}
	return &failure{code: codeTLS, text: "TLS handshake with " + name + " failed"}
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
		return &failure{code: codeReset, text: "connection reset by peer"}
	case errors.Is(err, syscall.EPIPE):
		return &failure{code: codeBrokenPipe, text: "broken pipe: the server closed the connection"}
	case errors.As(err, &errno):
		return &failure{code: codeErrno, text: errno.Error(), own: exhausted(errno)}
	case errors.As(err, &alert), errors.As(err, &record):
		return &failure{code: codeTLS, text: "TLS record not valid"}
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return &failure{code: codeTCP, text: "network error on " + op.Op}
	}
	return &failure{code: codeGeneric, text: "connection failed"}
}

func isTimeout(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
