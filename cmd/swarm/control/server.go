package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/swarmload/swarm/engine"
)

// Config is what a Server works on. All fields but Log are required.
type Config struct {
	Token   string
	Control engine.Control
	Board   *Board
	// Stop ends the run gracefully, in any phase.
	Stop func()
	// Log takes a line for the user; may be nil. Safe for concurrent use.
	Log func(text string)
}

// limits bound what one client can take.
type limits struct {
	header, read, write, idle time.Duration
	body                      int64
	headers                   int
	connections               int
}

var defaults = limits{
	header: 5 * time.Second, read: 10 * time.Second, write: 15 * time.Second, idle: 30 * time.Second,
	body: 64 << 10, headers: 16 << 10, connections: 32,
}

// Server is the REST API of one run.
type Server struct {
	config Config
	limits limits
	guard  *guard
	http   *http.Server
	ended  sync.WaitGroup
}

// Serve starts the API on a listener, which it owns from now on. Close ends it.
func Serve(l net.Listener, c Config) *Server { return serve(l, c, defaults) }

func serve(l net.Listener, c Config, limit limits) *Server {
	if c.Log == nil {
		c.Log = func(string) {}
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s := &Server{config: c, limits: limit, guard: newGuard(c.Token, port, time.Now, c.Log)}
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.handle),
		ReadHeaderTimeout: limit.header,
		ReadTimeout:       limit.read,
		WriteTimeout:      limit.write,
		IdleTimeout:       limit.idle,
		MaxHeaderBytes:    limit.headers,
		ErrorLog:          log.New(io.Discard, "", 0), // strangers' mistakes are not the user's business
	}
	s.ended.Go(func() {
		if err := s.http.Serve(newCrowd(l, limit.connections)); !errors.Is(err, http.ErrServerClosed) {
			c.Log("the API ended: " + err.Error())
		}
	})
	return s
}

// farewell is how long a request that is being answered may take when the run ends.
const farewell = time.Second

// Close ends the API. Requests that are being answered have a second. Every
// goroutine of the server has ended when it returns.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
	s.ended.Wait()
}

// handle is the way of one request.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			s.config.Log(fmt.Sprintf("internal fault in the API: %v", p))
			s.reply(w, http.StatusInternalServerError, failure{failureText{Message: "internal fault", Hint: "this is a bug in swarm"}})
		}
	}()
	r.Body = http.MaxBytesReader(w, r.Body, s.limits.body)
	if no := s.guard.admit(r); no != nil {
		s.refuse(w, no)
		return
	}
	answer, err := s.route(w, r)
	var no *refusal
	switch {
	case err == nil:
		s.reply(w, http.StatusOK, answer)
	case errors.As(err, &no):
		s.refuse(w, no)
	default: // Control's word, made for the user
		s.refuse(w, refuse(http.StatusConflict, "", "%s", err))
	}
}

// failure is the body of every answer that is not 200.
type failure struct {
	Error failureText `json:"error"`
}

type failureText struct {
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func (s *Server) refuse(w http.ResponseWriter, no *refusal) {
	switch no.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="swarm"`)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
		w.Header().Set("Connection", "close")
	}
	s.reply(w, no.status, failure{failureText{no.message, no.hint}})
}

func (s *Server) reply(w http.ResponseWriter, status int, body any) {
	text := encode(body)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(text) // a client that is gone needs no answer
}

// crowd is a listener that closes what comes beyond so many open connections:
// who holds them all open keeps others waiting no longer than the timeouts.
type crowd struct {
	net.Listener
	room chan struct{}
}

func newCrowd(l net.Listener, n int) *crowd { return &crowd{l, make(chan struct{}, n)} }

func (c *crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case c.room <- struct{}{}:
			return &guest{Conn: conn, leave: sync.OnceFunc(func() { <-c.room })}, nil
		default:
			conn.Close()
		}
	}
}

type guest struct {
	net.Conn
	leave func()
}

func (g *guest) Close() error {
	defer g.leave()
	return g.Conn.Close()
}
