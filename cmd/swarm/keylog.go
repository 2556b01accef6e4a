package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/swarmload/swarm/cmd/swarm/codeframe"
)

// keyLogVariable names a file to which the secrets of TLS sessions are
// appended, as browsers and curl do it.
const keyLogVariable = "SSLKEYLOGFILE"

// openKeyLog opens the file of keyLogVariable; nil if there is none.
func openKeyLog(lookup func(string) (string, bool)) (io.WriteCloser, error) {
	name, ok := lookup(keyLogVariable)
	if !ok || name == "" {
		return nil, nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, fmt.Errorf("%s: %s: %w", keyLogVariable, name, err)
	}
	return f, nil
}

// warnOfKeyLog tells that secrets are written, which nobody should find out
// later.
func warnOfKeyLog(e *env) {
	e.show(codeframe.Frame{
		Severity: "warning",
		Message:  "the TLS secrets of this run are written to " + e.variable(keyLogVariable),
		Hint:     "who has them can read the traffic; unset " + keyLogVariable + " to write none",
	})
}
