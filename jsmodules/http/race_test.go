//go:build race

package http

// raceDetector tells that the race detector is built in, which takes memory of
// its own and most of the speed.
const raceDetector = true
