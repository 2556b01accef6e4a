package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/swarmload/swarm/jsmodules/http/coding"
	"github.com/swarmload/swarm/jsmodules/http/proxy"
	"github.com/swarmload/swarm/jsmodules/http/tlsconfig"
	"github.com/swarmload/swarm/sandbox/egress"
)

// Error codes of requests, reported as `error_code` on responses and metrics.
// Those up to 1999 that k6 documents have k6's meaning; 1030–1040 are ours, for
// servers that break the protocol or our limits.
const (
	CodeGeneric = 1000
	CodeURL     = 1020

	CodeMalformed    = 1030 // not an HTTP response, or a broken one
	CodeLengths      = 1031 // contradicting lengths
	CodeSurplus      = 1032 // bytes after the response
	CodeHeadTooLarge = 1033
	CodeBodyTooLarge = 1034
	CodeInterim      = 1035 // too many 1xx responses
	CodeTruncated    = 1036 // connection closed in the middle of the response
	CodeNoResponse   = 1037 // connection closed without any response
	codeNoRoom       = 1040 // the bodies of all VUs are too large together

	codeTimeout     = 1050
	codeInterrupted = 1051 // the test ended before the response was there

	codeDNS         = 1100
	codeNoSuchHost  = 1101
	codeBlockedIP   = 1110
	codeBlockedHost = 1111
	codeTCP         = 1200
	codeBrokenPipe  = 1201
	codeErrno       = 1202
	CodeDial        = 1210
	codeDialTimeout = 1211
	codeRefused     = 1212
	codeReset       = 1220
	codeProxy       = 1240 // of the proxy, not the target; ours
	codeProxyAuth   = 1241
	codeProxyRefuse = 1242
	codeTLS         = 1300
	codeAuthority   = 1310
	codeHostname    = 1311
	CodeDecode      = 1701
)

// Failure is why a request has no usable response. Its text is stable: it holds
// no ephemeral port and no bytes of the peer, so it serves as a tag value.
type Failure struct {
	Code   int
	Text   string
	advice string // what to look at first, where the code alone does not say
	Own    bool   // the generator is the cause: it has no descriptor, port or buffer left
}

func (f *Failure) Error() string { return f.Text }

// Hint says what to look at first; empty when the text says it all.
func (f *Failure) Hint() string {
	if f.advice != "" {
		return f.advice
	}
	switch f.Code {
	case codeRefused:
		return "is the target running, and are host and port right?"
	case codeDNS, codeNoSuchHost:
		return "is the host name right?"
	case codeDialTimeout:
		return "is the host reachable from here?"
	case codeTimeout:
		return "the parameter timeout gives a request more time (default 60s)"
	case codeBlockedIP:
		return "no script may reach this address"
	}
	return ""
}

var (
	failMalformed    = &Failure{Code: CodeMalformed, Text: "malformed response"}
	failLengths      = &Failure{Code: CodeLengths, Text: "response with contradicting lengths"}
	failSurplus      = &Failure{Code: CodeSurplus, Text: "bytes after the response"}
	failHeadTooLarge = &Failure{Code: CodeHeadTooLarge, Text: "response header larger than 64 KiB"}
	failInterim      = &Failure{Code: CodeInterim, Text: "too many 1xx responses"}
	failTruncated    = &Failure{Code: CodeTruncated, Text: "connection closed in the middle of the response"}
	failNoResponse   = &Failure{Code: CodeNoResponse, Text: "connection closed without a response"}
	FailTimeout      = &Failure{Code: codeTimeout, Text: "request timeout"}
	FailInterrupted  = &Failure{Code: codeInterrupted, Text: "interrupted by the end of the test"}
	failSource       = &Failure{Code: CodeGeneric, Text: "the request's body ended before its length"}
	failNoRoom       = &Failure{
		Code: codeNoRoom, Text: "response bodies of all VUs larger than 512 MiB together",
		advice: "bodies nobody looks at need not be kept: the option discardResponseBodies, or responseType: 'none' of a request",
	}
	failDecode = &Failure{Code: CodeDecode, Text: "response body cannot be decompressed"}
)

// StatusCode returns the error code of an HTTP status, 0 when it is no error.
func StatusCode(status int) int {
	if status >= 400 && status < 600 {
		return 1000 + status
	}
	return 0
}

// DialFailure says why a connection to addr could not be opened.
func DialFailure(err error, addr string) *Failure {
	var dns *net.DNSError
	var errno syscall.Errno
	var blocked *egress.Blocked
	var host *egress.BlockedHost
	var socket *egress.BlockedSocket
	var local *egress.NoLocal
	switch {
	case errors.Is(err, context.Canceled):
		return FailInterrupted
	case errors.As(err, &local):
		return &Failure{Code: CodeDial, Text: local.Error(), Own: true, advice: "the option localIPs says where to send from"}
	case exhausted(err):
		f := &Failure{Code: CodeDial, Text: "cannot connect to " + addr, Own: true}
		if errors.As(err, &errno) {
			f.Text += ": " + errno.Error()
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
		return &Failure{Code: codeBlockedIP, Text: blocked.Error()}
	case errors.As(err, &host):
		return &Failure{Code: codeBlockedHost, Text: host.Error()}
	case errors.As(err, &socket):
		return &Failure{Code: codeBlockedIP, Text: socket.Error(), advice: "the operator allows unix sockets with --allow-unix-socket"}
	case errors.As(err, &dns):
		name, _, _ := net.SplitHostPort(addr)
		if dns.IsNotFound {
			return &Failure{Code: codeNoSuchHost, Text: "no such host: " + name}
		}
		return &Failure{Code: codeDNS, Text: "lookup of " + name + " failed"}
	case isTimeout(err):
		return &Failure{Code: codeDialTimeout, Text: "timeout connecting to " + addr}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Failure{Code: codeRefused, Text: "connection refused by " + addr}
	case errors.Is(err, syscall.ECONNRESET):
		return &Failure{Code: codeReset, Text: "connection reset by peer"}
	case errors.As(err, &errno):
		return &Failure{Code: CodeDial, Text: "cannot connect to " + addr + ": " + errno.Error()}
	}
	return &Failure{Code: CodeDial, Text: "cannot connect to " + addr}
}

// proxyFailure says why px opened no connection to addr.
func proxyFailure(err error, px *proxy.Proxy, addr string) *Failure {
	var refused *proxy.RefusedError
	var reply *proxy.ReplyError
	name := "proxy " + px.Address()
	var blocked *egress.Blocked
	var host *egress.BlockedHost
	switch {
	case errors.Is(err, context.Canceled):
		return FailInterrupted
	case errors.As(err, &blocked), errors.As(err, &host):
		return DialFailure(err, px.Address())
	case errors.Is(err, proxy.ErrAuthRequired), errors.Is(err, proxy.ErrAuthRefused):
		return &Failure{Code: codeProxyAuth, Text: err.Error()}
	case errors.As(err, &refused), errors.As(err, &reply):
		return &Failure{Code: codeProxyRefuse, Text: err.Error()}
	case isTimeout(err):
		return &Failure{Code: codeDialTimeout, Text: "timeout connecting through " + name}
	case errors.Is(err, proxy.ErrMalformed), errors.Is(err, proxy.ErrTooLarge), errors.Is(err, proxy.ErrClosed), errors.Is(err, proxy.ErrTarget):
		return &Failure{Code: codeProxy, Text: err.Error()}
	}
	var own *proxy.Error
	if !errors.As(err, &own) { // looking up addr for it
		return DialFailure(err, addr)
	}
	if own.Op != "dial" && !exhausted(err) {
		return &Failure{Code: codeProxy, Text: name + " could not be used"}
	}
	f := *DialFailure(err, px.Address())
	switch f.Code {
	case codeRefused:
		f.Text, f.advice = "connection refused", "is the proxy running, and are host and port right?"
	case codeNoSuchHost:
		f.Text, f.advice = "no such host", "is the proxy's host name right?"
	case codeDNS:
		f.Text, f.advice = "lookup failed", "is the proxy's host name right?"
	}
	f.Text = name + ": " + f.Text
	return &f
}

// exhausted reports whether err is the generator's own doing: it has run out of
// descriptors, local ports or socket buffers.
func exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.ENOBUFS)
}

// handshakeFailure says why a TLS session with the server could not be set up.
func handshakeFailure(err error, name string) *Failure {
	kind, text := tlsconfig.Classify(err)
	if f := tlsFailure(kind, text+" ("+name+")"); f != nil {
		return f
	}
	if isTimeout(err) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) {
		return IOFailure(err)
	}
	return &Failure{Code: codeTLS, Text: "TLS handshake with " + name + " failed"}
}

// tlsFailure makes a failure of what tlsconfig.Classify found, nil if it found nothing.
func tlsFailure(kind tlsconfig.Kind, text string) *Failure {
	f := &Failure{Code: codeTLS, Text: text, advice: kind.Hint()}
	switch kind {
	case tlsconfig.Other:
		return nil
	case tlsconfig.Authority:
		f.Code = codeAuthority
	case tlsconfig.Hostname:
		f.Code = codeHostname
	}
	return f
}

// IOFailure says why reading or writing on an open connection failed.
func IOFailure(err error) *Failure {
	var errno syscall.Errno
	switch {
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return failTruncated
	case errors.Is(err, errSource):
		return failSource
	case isTimeout(err):
		return FailTimeout
	case errors.Is(err, net.ErrClosed):
		return FailInterrupted // only the end of the context closes a connection in use
	case errors.Is(err, syscall.ECONNRESET):
		return &Failure{Code: codeReset, Text: "connection reset by peer"}
	case errors.Is(err, syscall.EPIPE):
		return &Failure{Code: codeBrokenPipe, Text: "broken pipe: the server closed the connection"}
	case errors.As(err, &errno):
		return &Failure{Code: codeErrno, Text: errno.Error(), Own: exhausted(errno)}
	}
	if f := tlsFailure(tlsconfig.Classify(err)); f != nil {
		return f
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return &Failure{Code: codeTCP, Text: "network error on " + op.Op}
	}
	return &Failure{Code: CodeGeneric, Text: "connection failed"}
}

// decodeFailure says why a body could not be decompressed.
func decodeFailure(err error) *Failure {
	var f *Failure
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, coding.ErrTooLarge):
		return failBodyTooLarge
	case errors.Is(err, coding.ErrExpired):
		return FailTimeout
	}
	return failDecode
}

func isTimeout(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
