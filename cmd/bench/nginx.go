package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Nginx is a target: one worker on processor 0, keep-alive without limit.
type Nginx struct {
	URL   string
	site  site
	dir   string
	count string // address that tells how many requests were served
	read  int64  // how much of the log of strangers has been read
	cmd   *exec.Cmd
}

// site is what an nginx serves beside its count.
type site struct {
	// protocol is what requests are to come with, as "TLSv1.3 HTTP/2.0"; those
	// that come otherwise are written down. Empty: whatever they come with.
	protocol string
	listen   string // parameters of the listen directive
	// locations, with %[1]s for the folder, takes the place of the one that
	// answers every request with 49 bytes of JSON.
	locations string
}

const nginxConf = `
daemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
worker_rlimit_nofile 20000;
events { worker_connections 16000; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  map "$ssl_protocol $server_protocol" $stranger { default 1; "%[4]s" 0; }
  log_format protocol "$ssl_protocol $server_protocol";
  log_format transfer "$msec $request_time $status $request_length $bytes_sent";
  server {
    listen %[2]s;
    location /count { stub_status; }
  }
  server {
    listen %[3]s backlog=16000 %[5]s;
%[6]s
  }
}
`

const nginxItems = `
    location / {
      default_type application/json;
      return 200 '{"name":"widget","price":1995,"tags":["a","bb"]}\n';
    }
`

// One suite, so that all clients pay for the same cipher.
const nginxTLS = `
    ssl_certificate %[1]s/cert.pem;
    ssl_certificate_key %[1]s/key.pem;
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    access_log %[1]s/strangers.log protocol if=$stranger;
`

// StartNginx starts a target on free ports of the loopback interface, with its
// files in dir, which must be its own, and waits until it answers.
func StartNginx(ctx context.Context, dir string, s site) (*Nginx, error) {
	path, err := exec.LookPath("nginx")
	if err != nil {
		path = "/usr/sbin/nginx"
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("nginx is not installed (Debian: nginx-light)")
		}
	}
	n := &Nginx{site: s, dir: dir}
	var addr string
	if addr, n.count, err = freePorts(); err != nil {
		return nil, err
	}
	scheme, server := "http", nginxItems
	if s.locations != "" {
		server = fmt.Sprintf(s.locations, dir)
	}
	if s.protocol != "" {
		if err := writeCertificate(dir); err != nil {
			return nil, err
		}
		scheme = "https"
		server += fmt.Sprintf(nginxTLS, dir)
	}
	n.URL = scheme + "://" + addr + "/items"
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, n.count, addr, s.protocol, s.listen, server), 0o644); err != nil {
		return nil, err
	}
	// A worker that runs as another user must be able to enter the folder.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	n.cmd = exec.CommandContext(ctx, "taskset", "-c", "0", path, "-p", dir, "-c", conf)
	n.cmd.Stderr = os.Stderr
	n.cmd.Cancel = func() error { return n.cmd.Process.Signal(os.Interrupt) }
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	for range 100 {
		if _, err = n.Requests(); err == nil {
			return n, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	n.Stop()
	return nil, fmt.Errorf("nginx does not answer: %w", err)
}

// freePorts returns two addresses nobody listens on.
func freePorts() (a, b string, err error) {
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer first.Close()
	second, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer second.Close()
	return first.Addr().String(), second.Addr().String(), nil
}

// Requests returns how many requests the target has served, this one included.
func (n *Nginx) Requests() (uint64, error) {
	conn, err := net.DialTimeout("tcp", n.count, time.Second)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /count HTTP/1.0\r\n\r\n")
	// The third number below the line "server accepts handled requests".
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "server accepts") && lines.Scan() {
			if fields := strings.Fields(lines.Text()); len(fields) == 3 {
				return strconv.ParseUint(fields[2], 10, 64)
			}
		}
	}
	return 0, fmt.Errorf("no count in nginx's answer")
}

// Strangers returns an error when requests have come since the last call with
// another protocol than the site is to be asked with.
func (n *Nginx) Strangers() error {
	if n.site.protocol == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(n.dir, "strangers.log"))
	if err != nil {
		return err
	}
	text = text[min(n.read, int64(len(text))):]
	n.read += int64(len(text))
	if len(text) == 0 {
		return nil
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	return fmt.Errorf("%d requests came with another protocol than %s, the first with %s",
		bytes.Count(text, []byte("\n")), n.site.protocol, first)
}

// Stop ends the target and waits for it. What it had to complain about is an
// error.
func (n *Nginx) Stop() error {
	n.cmd.Process.Signal(os.Interrupt)
	n.cmd.Wait()
	if text, err := os.ReadFile(filepath.Join(n.dir, "error.log")); err == nil && len(bytes.TrimSpace(text)) > 0 {
		return errors.New("nginx complained:\n" + string(text[:min(len(text), 2000)]))
	}
	return nil
}
