package compare

import "math"

// fewestBlocks is how many blocks a run must be made of: with fewer, what
// varies from block to block is not known well enough.
const fewestBlocks = 8

// blockLength chooses how many neighbouring values of x are drawn together: so
// many that blocks are about independent of each other. It is the automatic
// choice for the circular bootstrap of Politis and White (Automatic block-length
// selection for the dependent bootstrap, 2004) as corrected by Patton, Politis
// and White (2009), and at most an eighth of x.
func blockLength(x []float64) int {
	n := len(x)
	most := max(n/fewestBlocks, 1)
	if n < 2*fewestBlocks {
		return 1
	}
	m := mean(x)
	covariance := func(lag int) float64 {
		sum := 0.0
		for i := lag; i < n; i++ {
			sum += (x[i] - m) * (x[i-lag] - m)
		}
		return sum / float64(n)
	}
	variance := covariance(0)
	if !(variance > 0) {
		return 1
	}
	// The lag after which so many correlations in a row are negligible.
	inRow := max(5, int(math.Ceil(math.Sqrt(math.Log10(float64(n))))))
	negligible := 2 * math.Sqrt(math.Log10(float64(n))/float64(n))
	longest := min(int(math.Ceil(math.Sqrt(float64(n))))+inRow, n-1)
	last, run := longest, 0
	for lag := 1; lag <= longest; lag++ {
		if math.Abs(covariance(lag)/variance) < negligible {
			if run++; run == inRow {
				last = lag - inRow
				break
			}
			continue
		}
		run = 0
	}
	span := min(2*max(last, 1), longest)
	g, spectrum := 0.0, variance
	for lag := 1; lag <= span; lag++ {
		weight := 1.0 // the flat-top window
		if t := float64(lag) / float64(span); t > 0.5 {
			weight = 2 * (1 - t)
		}
		r := covariance(lag)
		g += 2 * weight * float64(lag) * r
		spectrum += 2 * weight * r
	}
	if last == 0 || spectrum == 0 {
		return 1 // neighbours are independent
	}
	length := math.Cbrt(2 * g * g / (4.0 / 3 * spectrum * spectrum) * float64(n))
	return int(min(max(math.Ceil(length), 1), float64(most)))
}
