package http

import (
	"encoding/base64"
	"io"
	"net/url"
	"strings"
	"sync"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/jsmodules/http/auth"
	"github.com/swarmload/swarm/jsmodules/http/transport"
)

// scheme is how a request authenticates, with the credentials of its URL.
type scheme uint8

const (
	basicAuth scheme = iota // sent along, when the URL has credentials
	digestAuth
	ntlmAuth
)

// scheme decodes the parameter auth.
func (m *module) scheme(where string, v goja.Value) scheme {
	const wanted = `"basic", "digest" or "ntlm"`
	switch name := m.text(where, "auth", wanted, v); strings.ToLower(name) {
	case "", "basic":
		return basicAuth
	case "digest":
		return digestAuth
	case "ntlm":
		return ntlmAuth
	}
	m.wrong(where, "auth", wanted, v)
	return basicAuth
}

// login prepares r to authenticate by other than basic. What the script put into the header
// Authorization itself is sent instead.
func (m *module) login(where string, r *request) {
	if r.auth == basicAuth || r.Target == nil || has(r.Headers, "Authorization") {
		return
	}
	user := r.Target.User
	if user == nil {
		m.throw("TypeError", where+": auth takes user name and password from the URL, such as https://user:password@example.com/, and this one has none")
	}
	l := &login{origin: r.Target.Origin}
	password, _ := user.Password()
	var err error
	if r.auth == digestAuth {
		l.digest, err = r.s.logins.digest(r.Target.Origin, user)
	} else {
		l.ntlm, err = auth.NewNTLM(user.Username(), password)
	}
	if err != nil {
		m.throw("TypeError", where+": "+err.Error())
	}
	r.login = l
}

// anew returns what l was before r was sent for the first time.
func (l *login) anew(r *request) *login {
	fresh := &login{origin: l.origin, digest: l.digest}
	if l.ntlm != nil {
		password, _ := r.Target.User.Password()
		fresh.ntlm, _ = auth.NewNTLM(r.Target.User.Username(), password) // an error would have come the first time
	}
	return fresh
}

// maxLogins is how many users at origins a session remembers the challenges for.
const maxLogins = 64

// logins are the users of a session and what servers asked of them: the next
// request need not be told again. Safe for concurrent use.
type logins struct {
	mu      sync.Mutex
	digests map[account]*auth.Digest
}

type account struct{ origin, user string }

func (l *logins) digest(origin string, user *url.Userinfo) (*auth.Digest, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := account{origin, user.String()}
	if d := l.digests[key]; d != nil {
		return d, nil
	}
	password, _ := user.Password()
	d, err := auth.NewDigest(user.Username(), password)
	if err != nil {
		return nil, err
	}
	if l.digests == nil || len(l.digests) >= maxLogins {
		l.digests = map[account]*auth.Digest{}
	}
	l.digests[key] = d
	return d, nil
}

// login is how one request, redirects within its origin included, meets the
// challenges of its server. One of digest and ntlm is not nil. For the goroutine
// that carries out the request.
type login struct {
	origin string
	digest *auth.Digest
	ntlm   *auth.NTLM
	hold   transport.Hold // of ntlm

	call   transport.Call // as it is sent
	sent   string         // its Authorization
	bare   bool           // it went without its body
	rounds int
}

// prepare returns q with what the scheme adds.
func (l *login) prepare(q *transport.Call) *transport.Call {
	l.call, l.sent, l.bare = *q, "", false
	out := &l.call
	if l.ntlm != nil {
		out.Hold, out.Version = &l.hold, "1.1"
		// A large body waits for the second message: the first is refused by design.
		if l.bare = l.ntlm.Opening() && sizeOf(q) > sharedBody; l.bare {
			out.Body, out.Source = "", nil
		}
		l.sent, _ = l.ntlm.Authorize()
	} else if body, ok := l.signed(q); ok {
		l.sent, _ = l.digest.Authorize(q.Method, q.Target.Path(), body)
	}
	// An empty one holds back the URL's credentials, which are for this scheme.
	out.Headers = append(out.Headers[:len(out.Headers):len(out.Headers)], transport.Header{Name: "Authorization", Value: l.sent})
	return out
}

// signed returns the body if it is to be signed; ok is false when it cannot be.
func (l *login) signed(q *transport.Call) (body []byte, ok bool) {
	if !l.digest.SignsBody() {
		return nil, true
	}
	if q.Source == nil {
		return bytesOf(q.Body), true
	}
	if q.Source.Size() < 0 || q.Source.Size() > maxEncodedBody {
		return nil, false
	}
	body, err := io.ReadAll(q.Source.Reader())
	return body, err == nil
}

// basicAuthorization returns the header for credentials of a URL.
func basicAuthorization(user *url.Userinfo) string {
	password, _ := user.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
}

func sizeOf(q *transport.Call) int64 {
	if q.Source != nil {
		return q.Source.Size()
	}
	return int64(len(q.Body))
}

// again reports whether the request is to be sent once more: the reply only asks
// for credentials, or for a body that was held back.
func (l *login) again(p *program, res *response) bool {
	if res.Fail != nil || res.Status == 0 {
		return false
	}
	if l.digest != nil {
		var info []string
		res.lines(func(name, value string) {
			if name == "Authentication-Info" {
				info = append(info, strings.Clone(value))
			}
		})
		l.digest.Info(info)
	}
	if l.rounds++; l.rounds >= auth.MaxRounds {
		return false
	}
	if res.Status != 401 {
		return l.bare
	}
	var retry bool
	var err error
	if l.digest != nil {
		retry, err = l.digest.Challenge(l.sent, res.Challenge)
	} else {
		retry, err = l.ntlm.Challenge(res.Challenge)
	}
	if err != nil {
		p.warn("the login at " + l.origin + " was given up: " + err.Error())
	}
	return retry
}
