//go:build !unix

package http

// nothingToRead cannot tell on this system; a closed connection is found when
// its next request fails.
func nothingToRead(uintptr) bool { return true }
