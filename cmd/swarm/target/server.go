// Package target is a small shop to put under load: a catalogue, a login,
// orders, and pages to try cookies and redirects on. How slow and how faulty
// it is can be set, and it counts every request it receives, so that a load
// generator's own totals can be held against it.
//
//	GET  /items           the catalogue          GET /health        always healthy, never slowed
//	GET  /items/{id}      one item, or 404       ANY /echo          what was sent, as JSON
//	POST /login           {user, password}       GET /cookies       the cookies received
//	GET  /orders          needs the token        GET /cookies/set   ?name=value sets cookies
//	POST /orders          needs the token        ANY /redirect/{n}  n redirects, then an answer
//	GET  /count           what was received      ANY /status/{code} answers with that status
//	POST /reset           sets the counts to 0   ANY /sse           Server-Sent Events, see readFeed
package target

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Password is what /login accepts, for any user.
const Password = "demo"

const (
	maxBody      = 1 << 20
	maxRedirects = 50
)

// Options of a [Server]. The zero value answers at once and without faults.
type Options struct {
	Latency   Latency
	ErrorRate float64 // share of requests answered with 503, 0 to 1
	Stall     Stall
	Seed      uint64 // makes latency, faults and tokens repeatable
}

// Server answers requests and counts them. It is an http.Handler, safe for
// concurrent use.
type Server struct {
	options  Options
	started  time.Time
	counters counters
	items    []Item
	list     []byte // JSON of items
	orders   orderBook
	tokens   tokens

	mu     sync.Mutex // guards random
	random *rand.Rand
}

// New returns a server whose stalls count from now.
func New(o Options) *Server {
	key := binary.BigEndian.AppendUint64([]byte("swarm target "), o.Seed)
	s := &Server{
		options: o,
		started: time.Now(),
		items:   catalogue(),
		tokens:  tokens{key: key},
		random:  rand.New(rand.NewPCG(o.Seed, 0x7461726765740a)),
	}
	s.list, _ = json.Marshal(s.items)
	return s
}

// Counts returns what was received so far.
func (s *Server) Counts() Counts { return s.counters.counts() }

// Reset sets the counts to zero and forgets the orders.
func (s *Server) Reset() {
	s.counters.reset()
	s.orders.clear()
}

// ServeHTTP counts the request, waits as long as the options say, and answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, arg := find(r.URL.Path)
	w.Header().Set("Content-Type", "application/json")
	switch {
	case !permits(found.allowed(), r.Method):
		w.Header().Set("Allow", strings.Join(found.allowed(), ", "))
		s.count(found, r.Method)
		s.answer(w, found, http.StatusMethodNotAllowed, message("method not allowed"))
		return
	case found == routeCounts:
		s.answer(w, found, http.StatusOK, s.Counts())
		return
	case found == routeReset:
		s.Reset()
		s.answer(w, found, http.StatusOK, message("reset"))
		return
	}
	s.count(found, r.Method)
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if found != routeHealth {
		wait, fail := s.draw()
		if !sleep(r.Context(), wait) {
			return
		}
		if fail {
			s.answer(w, found, http.StatusServiceUnavailable, message("injected fault"))
			return
		}
	}
	if found == routeEvents {
		s.events(w, r)
		return
	}
	status, body := s.respond(w, r, found, arg)
	s.answer(w, found, status, body)
}

func permits(allowed []string, method string) bool {
	for _, m := range allowed {
		if m == method {
			return true
		}
	}
	return allowed == nil
}

func (s *Server) count(r route, method string) {
	if r >= 0 {
		s.counters.routes[r][methodIndex(method)].Add(1)
	}
}

// draw decides how long the request waits and whether it fails.
func (s *Server) draw() (wait time.Duration, fail bool) {
	wait, fixed := s.options.Latency.Fixed()
	if !fixed || s.options.ErrorRate > 0 {
		s.mu.Lock()
		if !fixed {
			wait = s.options.Latency.Draw(s.random)
		}
		fail = s.random.Float64() < s.options.ErrorRate
		s.mu.Unlock()
	}
	if s.options.Stall.Every > 0 {
		wait += s.options.Stall.Wait(time.Since(s.started))
	}
	return wait, fail
}

// sleep reports whether the client is still there afterwards.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// respond returns the status and the body: bytes as they are, anything else as JSON.
func (s *Server) respond(w http.ResponseWriter, r *http.Request, found route, arg string) (int, any) {
	switch found {
	case routeHome:
		return http.StatusOK, message("swarm target; see /items, /login, /orders, /count")
	case routeHealth:
		return http.StatusOK, map[string]string{"status": "ok"}
	case routeItems:
		return http.StatusOK, s.list
	case routeItem:
		id, ok := number(arg, 1, len(s.items))
		if !ok {
			return http.StatusNotFound, message("no such item")
		}
		return http.StatusOK, s.items[id-1]
	case routeLogin:
		return s.login(w, r)
	case routeOrders:
		return s.order(r)
	case routeEcho:
		return s.echo(r)
	case routeCookies:
		return http.StatusOK, cookies(r)
	case routeSetCookie:
		return s.setCookies(w, r)
	case routeRedirect:
		return s.redirect(w, arg)
	case routeStatus:
		code, ok := number(arg, 200, 599)
		if !ok {
			return http.StatusBadRequest, message("the status must be from 200 to 599")
		}
		return code, message(http.StatusText(code))
	}
	return http.StatusNotFound, message("no such page")
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) (int, any) {
	var in struct{ User, Password string }
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if err := r.ParseForm(); err != nil {
			return badBody(err)
		}
		in.User, in.Password = r.PostForm.Get("user"), r.PostForm.Get("password")
	} else if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return badBody(err)
	}
	if in.User == "" || len(in.User) > 100 || in.Password != Password {
		return http.StatusUnauthorized, message(fmt.Sprintf("any user, password %q", Password))
	}
	token := s.tokens.issue(in.User)
	http.SetCookie(w, &http.Cookie{Name: "session", Value: token, Path: "/", HttpOnly: true})
	return http.StatusOK, map[string]string{"token": token, "user": in.User}
}

func (s *Server) order(r *http.Request) (int, any) {
	user, ok := s.user(r)
	if !ok {
		return http.StatusUnauthorized, message("send the token of POST /login as `Authorization: Bearer …`")
	}
	if r.Method != http.MethodPost {
		return http.StatusOK, s.orders.of(user)
	}
	o := Order{Quantity: 1}
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		return badBody(err)
	}
	if o.Item < 1 || o.Item > len(s.items) || o.Quantity < 1 {
		return http.StatusUnprocessableEntity, message("no such item, or no quantity")
	}
	o.User = user
	return http.StatusCreated, s.orders.add(o)
}

// user returns who sent the request, by bearer token or by the login's cookie.
func (s *Server) user(r *http.Request) (string, bool) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return s.tokens.verify(token)
	}
	if c, err := r.Cookie("session"); err == nil {
		return s.tokens.verify(c.Value)
	}
	return "", false
}

func (s *Server) echo(r *http.Request) (int, any) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return badBody(err)
	}
	return http.StatusOK, map[string]any{
		"method": r.Method, "path": r.URL.Path, "query": r.URL.RawQuery, "host": r.Host,
		"headers": r.Header, "body": string(body),
	}
}

func cookies(r *http.Request) map[string]string {
	got := map[string]string{}
	for _, c := range r.Cookies() {
		got[c.Name] = c.Value
	}
	return got
}

// setCookies sets one cookie for each value of the query and, as login pages
// do, sends the client on.
func (s *Server) setCookies(w http.ResponseWriter, r *http.Request) (int, any) {
	for name, values := range r.URL.Query() {
		http.SetCookie(w, &http.Cookie{Name: name, Value: values[0], Path: "/"})
	}
	w.Header().Set("Location", "/cookies")
	return http.StatusFound, message("see /cookies")
}

func (s *Server) redirect(w http.ResponseWriter, arg string) (int, any) {
	n, ok := number(arg, 0, maxRedirects)
	switch {
	case !ok:
		return http.StatusBadRequest, message("the number of redirects must be from 0 to " + strconv.Itoa(maxRedirects))
	case n == 0:
		return http.StatusOK, message("arrived")
	}
	w.Header().Set("Location", "/redirect/"+strconv.Itoa(n-1))
	return http.StatusFound, message("further")
}

func (s *Server) answer(w http.ResponseWriter, found route, status int, body any) {
	if found >= 0 && status < len(s.counters.statuses) {
		s.counters.statuses[status].Add(1)
	}
	data, raw := body.([]byte)
	if !raw {
		data, _ = json.Marshal(body) // strings, maps of strings and plain structs: cannot fail
	}
	bodiless := status == http.StatusNoContent || status == http.StatusNotModified
	if !bodiless {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	}
	w.WriteHeader(status)
	if !bodiless {
		w.Write(data) // a client that went away is no fault of ours
	}
}

func message(text string) map[string]string { return map[string]string{"message": text} }

func badBody(err error) (int, any) {
	if _, ok := err.(*http.MaxBytesError); ok {
		return http.StatusRequestEntityTooLarge, message("the body is over 1 MiB")
	}
	return http.StatusBadRequest, message("the body cannot be read: " + err.Error())
}
