package main

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// stallingTarget answers at once, but for a while in each period not at all:
// who asks then is answered when the stall is over.
type stallingTarget struct {
	url    string
	server *http.Server
	served sync.WaitGroup
}

// startStalling starts one on a free port of the loopback interface. A period
// begins with its time without a stall.
func startStalling(every, stall time.Duration) (*stallingTarget, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &stallingTarget{url: "http://" + listener.Addr().String() + "/"}
	begin := time.Now()
	t.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(untilServed(time.Since(begin), every, stall))
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte("{}\n")) // who went away meanwhile gets nothing
	})}
	t.served.Go(func() {
		if err := t.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(err) // the listener is ours: nothing else ends it
		}
	})
	return t, nil
}

// untilServed returns how long who asks at a time waits.
func untilServed(at, every, stall time.Duration) time.Duration {
	rest := every - at%every
	if rest > stall {
		return 0
	}
	return rest
}

func (t *stallingTarget) stop() {
	t.server.Close()
	t.served.Wait()
}
