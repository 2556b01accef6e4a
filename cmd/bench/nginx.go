package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Nginx is the target: one worker, keep-alive without limit, no log.
type Nginx struct {
	URL  string
	addr string
	cmd  *exec.Cmd
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
  server {
    listen %[2]s backlog=16000;
    location /count { stub_status; }
    location / {
      default_type application/json;
      return 200 '{"name":"widget","price":1995,"tags":["a","bb"]}\n';
    }
  }
}
`

// StartNginx starts the target on a free port of the loopback interface, with
// its files in dir, and waits until it answers.
func StartNginx(ctx context.Context, dir string) (*Nginx, error) {
	path, err := exec.LookPath("nginx")
	if err != nil {
		path = "/usr/sbin/nginx"
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("nginx is not installed (Debian: nginx-light)")
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := free.Addr().String()
	free.Close()
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, addr), 0o644); err != nil {
		return nil, err
	}
	// A worker that runs as another user must be able to enter the folder.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "taskset", "-c", "0", path, "-p", dir, "-c", conf)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	n := &Nginx{URL: "http://" + addr + "/items", addr: addr, cmd: cmd}
	for range 100 {
		if _, err = n.Requests(); err == nil {
			return n, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	n.Stop()
	return nil, fmt.Errorf("nginx does not answer: %w", err)
}

// Requests returns how many requests the target has served, this one included.
func (n *Nginx) Requests() (uint64, error) {
	conn, err := net.DialTimeout("tcp", n.addr, time.Second)
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

// Stop ends the target and waits for it.
func (n *Nginx) Stop() {
	n.cmd.Process.Signal(os.Interrupt)
	n.cmd.Wait()
}
