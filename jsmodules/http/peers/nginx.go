package peers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// JSON is the body of nginx's /json.
const JSON = `{"name":"widget","price":1995,"tags":["a","bb"]}` + "\n"

// Sizes are the N of nginx's /bytes/N. The largest, a gibibyte, takes no disk.
func Sizes() []int64 { return []int64{0, 1, 49, 1 << 10, 64 << 10, 1 << 20, 1 << 30} }

// One server block for each listener, so that the extra directives of a test
// replace those of the http block everywhere.
const nginxConf = `
daemon off;
master_process off;
pid DIR/nginx.pid;
error_log DIR/error.log warn;
events { worker_connections 8192; }
http {
  log_format peers escape=json '{"method":"$request_method","uri":"$request_uri","protocol":"$server_protocol","status":$status,"sent":$bytes_sent,"received":$request_length,"connection":$connection,"nth":$connection_requests}';
  access_log DIR/access.log peers;
  default_type application/octet-stream;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_max_body_size 0;
  client_body_temp_path DIR/body;
  proxy_temp_path DIR/proxy;
  fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi;
  scgi_temp_path DIR/scgi;
  ssl_certificate DIR/cert.pem;
  ssl_certificate_key DIR/key.pem;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:tls:1m;
  server { listen AT_PLAIN backlog=8000; listen unix:DIR/http.sock; include DIR/routes.conf; }
  server { listen AT_TLS ssl backlog=8000; include DIR/routes.conf; }
  server { listen AT_H2 ssl http2 backlog=8000; include DIR/routes.conf; }
  server { listen AT_H2C http2 backlog=8000; include DIR/routes.conf; }
}
`

const nginxRoutes = `
  location = /ready-READY { access_log off; return 204; }
  location = / { default_type text/plain; return 200 "nginx\n"; }
  location = /json { default_type application/json; return 200 '{"name":"widget","price":1995,"tags":["a","bb"]}\n'; }
  location = /who {
    default_type application/json;
    return 200 '{"method":"$request_method","host":"$http_host","protocol":"$server_protocol","tls":"$ssl_protocol","cipher":"$ssl_cipher","resumed":"$ssl_session_reused","client":"$ssl_client_s_dn","address":"$remote_addr","port":"$remote_port","connection":$connection,"nth":$connection_requests}\n';
  }
  location /bytes/ { alias DIR/bytes/; }
  location /slow/ { alias DIR/bytes/; limit_rate 1k; }
  location /gzip/ { alias DIR/bytes/; gzip on; gzip_types *; gzip_min_length 0; }
  location = /close { keepalive_timeout 0; default_type text/plain; return 200 "closed\n"; }
  location = /private { alias DIR/bytes/49; auth_basic "peers"; auth_basic_user_file DIR/htpasswd; }
  location = /limited { client_max_body_size 1k; proxy_pass http://BACKEND; }
  location = /echo { proxy_pass http://BACKEND; proxy_request_buffering off; proxy_buffering off; proxy_http_version 1.1; }
  location = /sink { proxy_pass http://BACKEND; proxy_request_buffering off; proxy_http_version 1.1; }
  location = /redirect/301 { return 301 /json; }
  location = /redirect/302 { return 302 /json; }
  location = /redirect/303 { return 303 /json; }
  location = /redirect/307 { return 307 /echo; }
  location = /redirect/308 { return 308 /echo; }
  location = /redirect/chain { return 302 /redirect/302; }
  location = /redirect/loop { return 302 /redirect/loop; }
  location = /status/204 { return 204; }
  location = /status/404 { return 404; }
  location = /status/429 { return 429; }
  location = /status/500 { return 500; }
  location = /status/503 { return 503; }
`

// Nginx starts Debian's nginx (nginx-light) with plain, TLS, HTTP/2 and h2c
// listeners and a unix socket. HTTPS is HTTP/1.1 only, H2 chooses by ALPN, TLS
// is 1.2 or 1.3. The extra directives go into every server block, such as
// "keepalive_requests 3;" or "ssl_protocols TLSv1.2;".
//
// Routes: /json; /who (how nginx sees the request: host, protocol, TLS,
// resumption, client certificate, connection); /bytes/N (see Sizes), /slow/N
// (1 kB/s), /gzip/N; /close (ends the connection); /private (basic
// authentication, "user" and "secret"); /echo and /sink (the request's body
// back, or its length as JSON); /limited (bodies to 1 kB, else 413);
// /redirect/301 to /redirect/308, /redirect/chain, /redirect/loop;
// /status/204, 404, 429, 500, 503.
func Nginx(t testing.TB, extra ...string) *Server {
	t.Helper()
	path := program(t, "nginx", "nginx-light")
	s := &Server{CA: NewCA(t), t: t}
	backend := newService(t)
	backendAddr := backend.plain(t, bodies(), http1())

	var dir string
	var c *child
	persist(t, func() (err error) {
		dir = folder(t)
		plain, tls, h2, h2c := reserve(t), reserve(t), reserve(t), reserve(t)
		s.HTTP, s.HTTPS, s.H2, s.H2C = "http://"+plain, "https://"+tls, "https://"+h2, "http://"+h2c
		s.Unix = filepath.Join(dir, "http.sock")
		ready := strconv.FormatInt(time.Now().UnixNano(), 36) + plain[len(plain)-3:]
		fill := strings.NewReplacer("DIR", dir, "AT_PLAIN", plain, "AT_TLS", tls, "AT_H2C", h2c, "AT_H2", h2,
			"BACKEND", backendAddr, "READY", ready)
		conf := write(t, dir, "nginx.conf", fill.Replace(nginxConf))
		write(t, dir, "routes.conf", fill.Replace(nginxRoutes)+strings.Join(extra, "\n")+"\n")
		write(t, dir, "htpasswd", "user:{PLAIN}secret\n")
		cert, key := Encode(t, s.Issue(t))
		write(t, dir, "cert.pem", cert)
		write(t, dir, "key.pem", key)
		for _, n := range Sizes() {
			// Sparse files: they read as zeros.
			if err := os.Truncate(write(t, dir, fmt.Sprintf("bytes/%d", n), ""), n); err != nil {
				return err
			}
		}
		// All listeners are bound before any is served.
		c, err = launch(dir, answers(s.HTTP+"/ready-"+ready, http.StatusNoContent), path, "-p", dir, "-c", conf, "-e", filepath.Join(dir, "error.log"))
		if err != nil {
			if b, _ := os.ReadFile(filepath.Join(dir, "error.log")); len(b) > 0 {
				err = fmt.Errorf("%w\n%s", err, b)
			}
		}
		return err
	})
	s.log = func() []Entry {
		var entries []Entry
		for _, line := range readLines(filepath.Join(dir, "access.log")) {
			var e Entry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Errorf("nginx's log: %v in %q", err, line)
			}
			entries = append(entries, e)
		}
		return entries
	}
	s.wire = func() (received, sent int64) {
		for _, e := range s.log() {
			received += e.Received
			sent += e.Sent
		}
		return received, sent
	}
	s.close = ended(t, func() {
		c.stop()
		confess(t, c.said)
		confess(t, filepath.Join(dir, "error.log"))
		backend.stop()
	})
	return s
}

// answers returns a function that asks a URL and is content with one status.
func answers(url string, status int) func() error {
	return func() error {
		transport := &http.Transport{DisableKeepAlives: true, Proxy: nil}
		client := &http.Client{Transport: transport, Timeout: time.Second}
		resp, err := client.Get(url)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		if resp.StatusCode != status {
			return fmt.Errorf("%s answers %s", url, resp.Status)
		}
		return nil
	}
}
