package control

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// guard decides whose requests are heard.
type guard struct {
	token [sha256.Size]byte // its hash: comparing takes the same time whatever is sent
	port  string
	now   func() time.Time
	audit func(text string)

	mu      sync.Mutex
	credit  float64 // wrong tokens that are answered before the next has to wait
	counted time.Time
	wrong   uint64
	told    time.Time
}

const (
	guesses    = 10 // wrong tokens in a row; then one a second
	auditEvery = 10 * time.Second
)

func newGuard(token, port string, now func() time.Time, audit func(string)) *guard {
	return &guard{token: sha256.Sum256([]byte(token)), port: port, now: now, audit: audit, credit: guesses, counted: now()}
}

// admit returns why the request is not heard; nil when it is.
func (g *guard) admit(r *http.Request) *refusal {
	switch {
	case !g.ours(r.Host):
		return refuse(http.StatusForbidden, "use http://127.0.0.1:"+g.port, "this API does not answer to the host %q", r.Host)
	case foreign(r):
		return refuse(http.StatusForbidden, "call the API from a program, not from a web page", "requests from other origins are refused")
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	sent := sha256.Sum256([]byte(strings.TrimSpace(token)))
	if ok && subtle.ConstantTimeCompare(sent[:], g.token[:]) == 1 {
		return nil
	}
	return g.refuseToken(r, ok)
}

// refuseToken counts a wrong token and slows down whoever sends many. The
// right one is heard at all times: it cannot be guessed, and nobody shall be
// able to lock its owner out.
func (g *guard) refuseToken(r *http.Request, sent bool) *refusal {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.credit = min(guesses, g.credit+now.Sub(g.counted).Seconds())
	g.counted = now
	g.wrong++
	if g.told.IsZero() || now.Sub(g.told) >= auditEvery {
		g.told = now
		text := "the API refused a request without the right token"
		if g.wrong > 1 {
			text = "the API refused more requests without the right token"
		}
		g.audit(text)
	}
	if g.credit < 1 {
		return refuse(http.StatusTooManyRequests, "wait a second before the next try", "too many requests with a wrong token")
	}
	g.credit--
	hint := "send the header Authorization: Bearer TOKEN with the token that swarm printed or wrote to --address-token-file"
	if !sent {
		return refuse(http.StatusUnauthorized, hint, "a token is needed")
	}
	return refuse(http.StatusUnauthorized, hint, "the token is wrong")
}

// ours reports whether a Host header means this machine by number or as
// localhost. A page whose own name was made to point here (DNS rebinding)
// sends that name.
func (g *guard) ours(host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil || port != g.port {
		return false
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback()
}

// foreign reports whether a browser says that the request comes from a page of
// another origin. Programs that are no browsers send none of these headers.
func foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
	default:
		return true
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || u.Scheme != "http" || !strings.EqualFold(u.Host, r.Host)
}
