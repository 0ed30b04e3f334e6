package jinja

import (
	"math"
	"math/big"
	"sync"
)

// powBits is the precision in which pow is worked out: much more than a float
// has, so that rounding gives the nearest one.
const powBits = 200

// pow is x ** y, rounded as C's pow rounds it, which Python calls: to the nearest
// float. Go's own is often off in the last digit.
func pow(x, y float64) float64 {
	p := math.Pow(x, y)
	if p == 0 || math.IsInf(p, 0) || math.IsNaN(p) || math.Abs(p) < 0x1p-1022 || x == 0 || math.IsInf(y, 0) {
		return p
	}
	exact, _ := bigExp(newBig().Mul(newBig().SetFloat64(y), bigLog(math.Abs(x)))).Float64()
	return math.Copysign(exact, p)
}

func newBig() *big.Float { return new(big.Float).SetPrec(powBits) }

// bigLog is the natural logarithm of x > 0.
func bigLog(x float64) *big.Float {
	frac, exp := math.Frexp(x)
	if frac < math.Sqrt2/2 {
		frac, exp = 2*frac, exp-1
	}
	m, one := newBig().SetFloat64(frac), newBig().SetInt64(1)
	log := atanh2(newBig().Quo(newBig().Sub(m, one), newBig().Add(m, one)))
	return log.Add(log, newBig().Mul(ln2(), newBig().SetInt64(int64(exp))))
}

var ln2 = sync.OnceValue(func() *big.Float { return atanh2(newBig().Quo(newBig().SetInt64(1), newBig().SetInt64(3))) })

// atanh2 is twice the inverse hyperbolic tangent of a small z: the sum of
// 2 z^k / k for odd k.
func atanh2(z *big.Float) *big.Float {
	sum, term, square := newBig(), newBig().Set(z), newBig().Mul(z, z)
	for k := int64(1); k < 2*powBits; k += 2 {
		part := newBig().Quo(term, newBig().SetInt64(k))
		if part.Sign() == 0 || sum.Sign() != 0 && part.MantExp(nil) < sum.MantExp(nil)-powBits {
			break
		}
		sum.Add(sum, part)
		term.Mul(term, square)
	}
	return sum.Mul(sum, newBig().SetInt64(2))
}

// bigExp is e to the power t: of t = n ln 2 + r the power of r / 256 is a short
// series, which is squared eight times.
func bigExp(t *big.Float) *big.Float {
	q, _ := newBig().Quo(t, ln2()).Float64()
	n := int64(math.Round(q))
	r := newBig().Sub(t, newBig().Mul(ln2(), newBig().SetInt64(n)))
	r.SetMantExp(r, -8)
	sum, term := newBig().SetInt64(1), newBig().SetInt64(1)
	for k := int64(1); k < 40; k++ {
		term.Quo(term.Mul(term, r), newBig().SetInt64(k))
		sum.Add(sum, term)
	}
	for range 8 {
		sum.Mul(sum, sum)
	}
	return sum.SetMantExp(sum, int(n))
}
