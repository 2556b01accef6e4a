package tlsconfig

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/jsmodules/http/peers"
)

// TestQUIC has quic-go use the configs, and fail with them.
func TestQUIC(t *testing.T) {
	server := peers.QUIC(t, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert })
	addr := strings.TrimPrefix(server.H3, "https://")
	trusting := plan.TLS{CACerts: []string{server.PEM()}, Resumption: true}
	showing := trusting
	showing.Auth = []plan.TLSAuth{auth(t, server.CA, "a client", "localhost")}
	old := trusting
	old.MaxVersion = "tls1.2"
	for _, tc := range []struct {
		name, host string
		o          plan.TLS
		proto      string
		want       Kind
	}{
		{"fine", "localhost", showing, "h3", Other},
		{"without a certificate", "localhost", trusting, "h3", Demanded},
		{"authority", "localhost", plan.TLS{Auth: showing.Auth}, "h3", Authority},
		{"hostname", "elsewhere.test", showing, "h3", Hostname},
		{"version", "localhost", old, "h3", Version},
		{"protocol", "localhost", showing, "h4", Alert},
	} {
		vu := settings(t, tc.o, false, nil).ForVU()
		for i := range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			conn, err := quic.DialAddr(ctx, addr, vu.For(tc.host, []string{tc.proto}), nil)
			if err == nil {
				// The server's refusal comes after the handshake, as a session does.
				err = ask(ctx, conn, server.H3+"/get")
				if resumed := conn.ConnectionState().TLS.DidResume; err == nil && resumed != (i > 0) {
					t.Errorf("%s: resumed %v", tc.name, resumed)
				}
				conn.CloseWithError(0, "")
			}
			cancel()
			if remote, ok := errors.AsType[*quic.TransportError](err); ok && remote.Remote && remote.ErrorCode.IsCryptoError() {
				err = tls.AlertError(remote.ErrorCode - 0x100)
			}
			if kind, text := Classify(err); kind != tc.want || tc.want == Other && err != nil {
				t.Errorf("%s: %d, %q; want %d (%v)", tc.name, kind, text, tc.want, err)
			}
		}
	}
}

// ask makes a request over a connection.
func ask(ctx context.Context, conn *quic.Conn, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	var transport http3.Transport
	defer transport.Close()
	resp, err := transport.NewClientConn(conn).RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
