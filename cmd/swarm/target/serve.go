package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Listen opens the address. It refuses addresses others can reach unless
// public is set: the target has no protection and is made to be flooded.
func Listen(address string, public bool) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address %q: must be host:port, such as 127.0.0.1:8080", address)
	}
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", address, err)
	}
	if !resolved.IP.IsLoopback() && !public {
		return nil, fmt.Errorf("address %q: %q is reachable from outside; say --public if that is meant", address, host)
	}
	return net.ListenTCP("tcp", resolved)
}

// Serve answers on l until ctx ends, then lets running requests finish for up
// to two seconds. Faults of connections go to logs.
func (s *Server) Serve(ctx context.Context, l net.Listener, logs io.Writer) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      3 * maxLatency,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(logs, "target: ", 0),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		server.Close()
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
