package peers

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// ForwardProxy starts Debian's tinyproxy, a forward proxy for http:// and, by
// CONNECT, for anything else. With credentials it demands basic
// authentication. TLS is the URL of the same proxy behind a TLS connection.
//
// Of each request it logs "Connect (file descriptor N): 127.0.0.1",
// `Request (file descriptor N): GET http://host/path HTTP/1.1` or the like
// with CONNECT, and `Established connection to host "host" using …`.
func ForwardProxy(t testing.TB, auth ...Credentials) *Proxy {
	t.Helper()
	path := program(t, "tinyproxy", "tinyproxy-bin")
	who, closed := one(t, "credentials", auth)
	var dir, addr string
	var c *child
	p := &Proxy{CA: NewCA(t), t: t}
	persist(t, func() (err error) {
		dir, addr = folder(t), reserve(t)
		_, port, _ := net.SplitHostPort(addr)
		ready := "ready" + port + strconv.FormatInt(time.Now().UnixNano(), 36) + ".invalid"
		conf := fmt.Sprintf("Port %s\nListen 127.0.0.1\nTimeout 600\nMaxClients 2000\nLogFile %q\nLogLevel Info\nStatHost %q\n",
			port, filepath.Join(dir, "log"), ready)
		if closed {
			conf += fmt.Sprintf("BasicAuth %s %s\n", who.User, who.Password)
		}
		p.Addr, p.URL = addr, (&url.URL{Scheme: "http", Host: addr, User: who.info(closed)}).String()
		c, err = launch(dir, statistics(p.URL, ready), path, "-d", "-c", write(t, dir, "tinyproxy.conf", conf))
		return err
	})
	log := filepath.Join(dir, "log")
	before := len(readLines(log)) // the requests that asked whether it is ready
	p.lines = func() []string { return readLines(log)[before:] }
	front := newTunnel(t, p.Issue(t), addr)
	p.TLS = (&url.URL{Scheme: "https", Host: front.listener.Addr().String(), User: who.info(closed)}).String()
	p.close = ended(t, func() {
		front.stop()
		c.stop()
		confess(t, c.said)
		confess(t, log)
	})
	return p
}

// statistics returns a function that asks a proxy for a page which only the
// one that was just started knows by that name.
func statistics(proxy, host string) func() error {
	return func() error {
		via, err := url.Parse(proxy)
		if err != nil {
			return err
		}
		transport := &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyURL(via)}
		client := &http.Client{Transport: transport, Timeout: time.Second}
		resp, err := client.Get("http://" + host + "/")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("the proxy answers %s", resp.Status)
		}
		return nil
	}
}

// SOCKS starts Debian's microsocks, a SOCKS5 proxy, open or with one user. It
// logs `client[N] 127.0.0.1: connected to host:port`.
func SOCKS(t testing.TB, auth ...Credentials) *Proxy {
	t.Helper()
	path := program(t, "microsocks", "microsocks")
	who, closed := one(t, "credentials", auth)
	var c *child
	p := &Proxy{CA: NewCA(t), t: t}
	persist(t, func() (err error) {
		addr := reserve(t)
		_, port, _ := net.SplitHostPort(addr)
		args := []string{"-i", "127.0.0.1", "-p", port}
		if closed {
			args = append(args, "-u", who.User, "-P", who.Password)
		}
		p.Addr, p.URL = addr, (&url.URL{Scheme: "socks5", Host: addr, User: who.info(closed)}).String()
		c, err = launch(folder(t), greets(addr, closed), path, args...)
		return err
	})
	p.lines = func() []string { return readLines(c.said) }
	p.close = ended(t, func() {
		c.stop()
		confess(t, c.said)
	})
	return p
}

// greets returns a function that sees whether a SOCKS5 proxy picks the method
// of authentication it should (RFC 1928, section 3).
func greets(addr string, closed bool) func() error {
	return func() error {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
			return err
		}
		want := []byte{5, 0}
		if closed {
			want[1] = 2
		}
		if _, err := conn.Write([]byte{5, 1, want[1]}); err != nil {
			return err
		}
		got := make([]byte, 2)
		if _, err := io.ReadFull(bufio.NewReader(conn), got); err != nil {
			return err
		}
		if string(got) != string(want) {
			return fmt.Errorf("a SOCKS proxy would say %v, not %v", want, got)
		}
		return nil
	}
}

// info returns the credentials as a URL holds them, nil if there are none.
func (c Credentials) info(closed bool) *url.Userinfo {
	if !closed {
		return nil
	}
	return url.UserPassword(c.User, c.Password)
}

// tunnel ends TLS in front of a server that speaks none.
type tunnel struct {
	listener net.Listener
	backend  string
	running  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // nil once stopped
}

func newTunnel(t testing.TB, cert tls.Certificate, backend string) *tunnel {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	u := &tunnel{listener: l, backend: backend, conns: map[net.Conn]bool{}}
	u.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			u.running.Go(func() { u.join(conn) })
		}
	})
	return u
}

// join copies both ways until either side ends.
func (u *tunnel) join(front net.Conn) {
	defer u.forget(front)
	back, err := net.Dial("tcp", u.backend)
	if err != nil {
		front.Close()
		return
	}
	defer u.forget(back)
	if !u.keep(front) || !u.keep(back) {
		return
	}
	var there sync.WaitGroup
	there.Go(func() {
		io.Copy(back, front)
		back.(*net.TCPConn).CloseWrite()
	})
	io.Copy(front, back)
	front.Close()
	there.Wait()
}

func (u *tunnel) keep(conn net.Conn) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.conns == nil {
		return false
	}
	u.conns[conn] = true
	return true
}

func (u *tunnel) forget(conn net.Conn) {
	conn.Close()
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.conns, conn)
}

// stop closes every connection and waits.
func (u *tunnel) stop() {
	u.listener.Close()
	u.mu.Lock()
	for conn := range u.conns {
		conn.Close()
	}
	u.conns = nil
	u.mu.Unlock()
	u.running.Wait()
}
