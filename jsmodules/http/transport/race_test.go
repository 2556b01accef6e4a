//go:build race

package transport

// raceDetector tells that the race detector is built in, which takes memory of
// its own and most of the speed.
const raceDetector = true
