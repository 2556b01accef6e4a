package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// InheritedStream returns the stream to the coordinator in a process that
// [StartProcess] started. Call it first and once: from then on standard input
// is empty and standard output is standard error, so that a stray print cannot
// corrupt the stream.
func InheritedStream() (io.ReadWriteCloser, error) {
	for _, f := range []*os.File{os.Stdin, os.Stdout} {
		info, err := f.Stat()
		if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
			return nil, errors.New("a runner is started by swarm run, not by hand: its standard input and output must be pipes")
		}
	}
	r, w, err := takeStandardPipes()
	if err != nil {
		return nil, fmt.Errorf("take over the stream to the coordinator: %w", err)
	}
	return &inherited{r: r, w: w}, nil
}

// inherited is the child's end.
type inherited struct{ r, w *os.File }

func (s *inherited) Read(p []byte) (int, error)  { return s.r.Read(p) }
func (s *inherited) Write(p []byte) (int, error) { return s.w.Write(p) }
func (s *inherited) Close() error                { return errors.Join(s.w.Close(), s.r.Close()) }
