//go:build !unix

package terminal

import "os"

// OpenKeyboard returns ErrNoKeyboard: on this system a run is steered over the API.
func OpenKeyboard(*os.File, func(keys []byte)) (*Keyboard, error) { return nil, ErrNoKeyboard }
