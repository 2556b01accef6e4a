package cluster

import (
	"context"
	"io"
	"sync"
)

// StartInProcess runs Serve in a goroutine of this process. The stream is a
// pipe in memory, as narrow as that of a child process, so that both behave
// alike. A script that does not end when told to cannot be killed here: Wait
// then gives it up two seconds after Kill (see Serve). ctx is for starting alone.
func StartInProcess(ctx context.Context, c RunnerConfig) (Link, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	down, up := newPipe(), newPipe()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l := &localLink{duplex: duplex{r: up, w: down}, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		l.err = Serve(ctx, &duplex{r: down, w: up}, c)
		cancel()
	}()
	return l, nil
}

// localLink is the coordinator's end.
type localLink struct {
	duplex
	cancel context.CancelFunc
	killed sync.Once
	ended  chan struct{}
	err    error // valid once ended is closed
}

// Wait returns what Serve returned.
func (l *localLink) Wait() error {
	<-l.ended
	return l.err
}

// Kill ends the runner as far as that is possible from outside. As with a
// process, nothing it says from then on is heard.
func (l *localLink) Kill() {
	l.killed.Do(func() {
		l.r.closeWriter()
		l.cancel()
	})
}

// duplex is one end of two pipes.
type duplex struct{ r, w *pipe }

func (d *duplex) Read(p []byte) (int, error)  { return d.r.Read(p) }
func (d *duplex) Write(p []byte) (int, error) { return d.w.Write(p) }

// Close ends both directions; what was written before can still be read.
func (d *duplex) Close() error {
	d.w.closeWriter()
	d.r.closeReader()
	return nil
}

// pipeSize is what a pipe holds, which is what Linux gives a pipe.
const pipeSize = 64 << 10

// pipe is one direction: a bounded buffer.
type pipe struct {
	mu       sync.Mutex
	changed  *sync.Cond
	buf      []byte
	noWriter bool
	noReader bool
}

func newPipe() *pipe {
	p := &pipe{}
	p.changed = sync.NewCond(&p.mu)
	return p
}

// Read waits for data; io.EOF once the writer closed and all was read.
func (p *pipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.buf) == 0 && !p.noWriter && !p.noReader {
		p.changed.Wait()
	}
	switch {
	case p.noReader:
		return 0, io.ErrClosedPipe
	case len(p.buf) == 0:
		return 0, io.EOF
	}
	n := copy(b, p.buf)
	p.buf = append(p.buf[:0], p.buf[n:]...)
	p.changed.Broadcast()
	return n, nil
}

// Write waits until all of b found room.
func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	written := 0
	for {
		for len(p.buf) == pipeSize && !p.noReader && !p.noWriter {
			p.changed.Wait()
		}
		if p.noReader || p.noWriter {
			return written, io.ErrClosedPipe
		}
		n := min(len(b)-written, pipeSize-len(p.buf))
		p.buf = append(p.buf, b[written:written+n]...)
		written += n
		p.changed.Broadcast()
		if written == len(b) {
			return written, nil
		}
	}
}

func (p *pipe) closeWriter() {
	p.mu.Lock()
	p.noWriter = true
	p.changed.Broadcast()
	p.mu.Unlock()
}

func (p *pipe) closeReader() {
	p.mu.Lock()
	p.noReader = true
	p.changed.Broadcast()
	p.mu.Unlock()
}
