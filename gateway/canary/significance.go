package canary

import "math"

// The tails below are sums of terms that soon shrink; what is left of one that is so
// much smaller than the sum changes nothing.
const negligible = 1e-12

// binomialTail is the probability of k or more successes in n trials of probability p
// each. Up to the expected number it is 1: nobody asks how much less.
func binomialTail(k, n int64, p float64) float64 {
	switch {
	case float64(k) <= float64(n)*p:
		return 1
	case p <= 0:
		return 0
	}
	odds := p / (1 - p)
	term := math.Exp(logChoose(n, k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
	sum := term
	for i := k; i < n && term > sum*negligible; i++ {
		term *= odds * float64(n-i) / float64(i+1)
		sum += term
	}
	return sum
}

// fisherTail is the probability that of the k1+k0 successes in n1+n0 trials at least k1
// are among the n1, when it makes no difference which trials those are (Fisher's exact
// test, one-sided). Up to the expected number it is 1.
func fisherTail(k1, n1, k0, n0 int64) float64 {
	if n1 == 0 || n0 == 0 || float64(k1)*float64(n0) <= float64(k0)*float64(n1) {
		return 1
	}
	k, n := k1+k0, n1+n0
	term := math.Exp(logChoose(n1, k1) + logChoose(n0, k0) - logChoose(n, k))
	sum := term
	for i := k1; i < min(k, n1) && term > sum*negligible; i++ {
		term *= float64(n1-i) * float64(k-i) / (float64(i+1) * float64(n0-k+i+1))
		sum += term
	}
	return sum
}

// logChoose is the logarithm of n over k.
func logChoose(n, k int64) float64 { return logFactorial(n) - logFactorial(k) - logFactorial(n-k) }

func logFactorial(n int64) float64 {
	v, _ := math.Lgamma(float64(n) + 1)
	return v
}
