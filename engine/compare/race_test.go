//go:build race

package compare

// raceDetector makes simulations ten times slower, and they share nothing
// between goroutines: one stands for all of them.
const raceDetector = true
