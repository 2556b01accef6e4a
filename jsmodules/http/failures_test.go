package http

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/swarmload/swarm/sandbox"
)

// TestProxyFailures tells what is wrong with a proxy from what is wrong with the
// target that it is to be asked for.
func TestProxyFailures(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	there := strings.TrimPrefix(rawServer(t, func(c net.Conn) { io.ReadAll(c) }), "http://")
	for _, tt := range []struct{ proxy, url, want, hint string }{
		{"http://" + nobody, "http://127.0.0.1:1/", "1212 proxy " + nobody + ": connection refused", "is the proxy running, and are host and port right?"},
		{"socks5://" + nobody, "http://127.0.0.1:1/", "1212 proxy " + nobody + ": connection refused", "is the proxy running, and are host and port right?"},
		{"http://proxy.invalid:3128", "http://127.0.0.1:1/", "1101 proxy proxy.invalid:3128: no such host", "is the proxy's host name right?"},
		{"http://proxy.invalid:3128", "https://127.0.0.1:1/", "1101 proxy proxy.invalid:3128: no such host", "is the proxy's host name right?"},
		{"socks5://proxy.invalid:1080", "http://127.0.0.1:1/", "1101 proxy proxy.invalid:1080: no such host", "is the proxy's host name right?"},
		{"socks5h://proxy.invalid:1080", "http://target.invalid/", "1101 proxy proxy.invalid:1080: no such host", "is the proxy's host name right?"},
		{"socks5://" + there, "http://target.invalid/", "1101 no such host: target.invalid", "is the host name right?"},
	} {
		p := newPlan()
		p.HTTP.Proxy = tt.proxy
		var hints []string
		w := newWorld(t, p, "", "const r = http.get('"+tt.url+"'); say(r.error_code, r.error)", resolving, func(h *sandbox.Host) {
			log := h.Log
			h.Log = func(l sandbox.LogLine) { hints = append(hints, l.Hint); log(l) }
		})
		if got := w.run(); !slices.Equal(got, []string{tt.want}) || !slices.Equal(hints, []string{tt.hint}) {
			t.Errorf("%s through %s: %q with the hints %q, want %q with %q", tt.url, tt.proxy, got, hints, tt.want, tt.hint)
		}
	}
}

// resolving gives proxies that resolve no names somebody who does, and knows none.
func resolving(h *sandbox.Host) {
	dial := h.Dial
	h.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, _, _ := net.SplitHostPort(address); strings.HasSuffix(host, ".invalid") {
			return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
		}
		return dial(ctx, network, address)
	}
	h.Resolve = func(_ context.Context, address string) (string, error) {
		host, _, _ := net.SplitHostPort(address)
		if !strings.HasSuffix(host, ".invalid") {
			return address, nil
		}
		return "", &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
}

// TestSurplusWarning warns of bytes after a response as what they are: the
// request has not failed.
func TestSurplusWarning(t *testing.T) {
	url := rawServer(t, func(c net.Conn) {
		b := make([]byte, 1<<10)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmore")
		}
	})
	w := newWorld(t, newPlan(), "", "const r = http.get('"+url+"'); say(r.status, r.error_code)")
	if got := w.run(); got[0] != "200 1032" {
		t.Errorf("got %q", got)
	}
	want := "warn: " + url + " sent bytes after a response; its connection was not used again"
	if got := w.logged(); !slices.Equal(got, []string{want}) {
		t.Errorf("logged %q, want %q", got, want)
	}
}
