package cluster

import "os"

// takeStandardPipes takes standard input and output. Closing a pipe does not
// unblock its reader here: a runner ends with its process.
func takeStandardPipes() (r, w *os.File, err error) {
	r, w = os.Stdin, os.Stdout
	os.Stdin, os.Stdout = nil, os.Stderr
	return r, w, nil
}
