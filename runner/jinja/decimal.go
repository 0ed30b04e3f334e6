package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Decimal is Python's decimal.Decimal in its default context: 28 digits, halves
// to even. It is unscaled * 10**exp, so that 1.50 keeps its zero.
type Decimal struct {
	unscaled *big.Int
	exp      int
}

const (
	decimalDigits = 28
	decimalRange  = 10_000 // of exponents that are taken
)

// NewDecimal returns unscaled * 10**exp.
func NewDecimal(unscaled *big.Int, exp int) *Decimal { return &Decimal{unscaled, exp} }

// ParseDecimal reads a number such as "-1.50" or "2E+3".
func ParseDecimal(text string) (*Decimal, error) {
	bad := raise(valueError, "%s is no decimal number", Repr(text))
	s := strings.ReplaceAll(strings.TrimFunc(text, isSpace), "_", "")
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		n, err := strconv.Atoi(s[i+1:])
		if err != nil || n > decimalRange || n < -decimalRange {
			return nil, bad
		}
		mantissa, exponent = s[:i], n
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole, "+-") + fraction
	if digits == "" || len(whole)-len(strings.TrimLeft(whole, "+-")) > 1 || strings.Trim(digits, "0123456789") != "" || len(digits) > decimalRange {
		return nil, bad
	}
	n, _ := new(big.Int).SetString(digits, 10)
	if strings.HasPrefix(whole, "-") {
		n.Neg(n)
	}
	return &Decimal{n, exponent - len(fraction)}, nil
}

func pow10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// toDecimal makes a Decimal of an integer or a Decimal.
func toDecimal(v Value) (*Decimal, bool) {
	if d, ok := v.(*Decimal); ok {
		return d, true
	}
	if _, _, ok := asInt(v); ok {
		return &Decimal{toBig(v), 0}, true
	}
	return nil, false
}

func (d *Decimal) rat() *big.Rat {
	if d.exp >= 0 {
		return new(big.Rat).SetInt(new(big.Int).Mul(d.unscaled, pow10(d.exp)))
	}
	return new(big.Rat).SetFrac(d.unscaled, pow10(-d.exp))
}

// digits is the number of digits.
func (d *Decimal) digits() int { return len(new(big.Int).Abs(d.unscaled).String()) }

// rounded returns d in 28 digits.
func (d *Decimal) rounded() *Decimal {
	if more := d.digits() - decimalDigits; more > 0 {
		r := d.quantized(d.exp + more)
		if r.digits() > decimalDigits {
			return r.rounded()
		}
		return r
	}
	return d
}

// quantized returns d with another exponent.
func (d *Decimal) quantized(exp int) *Decimal {
	if exp <= d.exp {
		return &Decimal{new(big.Int).Mul(d.unscaled, pow10(d.exp-exp)), exp}
	}
	return &Decimal{halfEven(new(big.Rat).SetFrac(d.unscaled, pow10(exp-d.exp))), exp}
}

func (d *Decimal) TypeName() string          { return "decimal.Decimal" }
func (d *Decimal) Attr(string) (Value, bool) { return nil, false }
func (d *Decimal) Repr() string              { return "Decimal('" + d.String() + "')" }
func (d *Decimal) Truth() bool               { return d.unscaled.Sign() != 0 }
func (d *Decimal) Abs() Value                { return (&Decimal{new(big.Int).Abs(d.unscaled), d.exp}).rounded() }

// String writes an exponent where Python does: for numbers from 1E-7 down, and
// for those that end in zeros that are not digits.
func (d *Decimal) String() string {
	sign := ""
	if d.unscaled.Sign() < 0 {
		sign = "-"
	}
	s := new(big.Int).Abs(d.unscaled).String()
	adjusted := d.exp + len(s) - 1
	if d.exp <= 0 && adjusted >= -6 {
		return sign + withPoint(s, -d.exp)
	}
	if len(s) > 1 {
		s = s[:1] + "." + s[1:]
	}
	e := strconv.Itoa(adjusted)
	if adjusted >= 0 {
		e = "+" + e
	}
	return sign + s + "E" + e
}

// withPoint puts a decimal point before the last n digits.
func withPoint(digits string, n int) string {
	if n <= 0 {
		return digits
	}
	if len(digits) <= n {
		digits = strings.Repeat("0", n-len(digits)+1) + digits
	}
	return digits[:len(digits)-n] + "." + digits[len(digits)-n:]
}

// Equal and Compare also take ints and floats, exactly.
func (d *Decimal) Equal(o Value) bool {
	order, ok := d.Compare(o)
	return ok && order == 0
}

func (d *Decimal) Compare(o Value) (int, bool) {
	if e, ok := toDecimal(o); ok {
		return d.rat().Cmp(e.rat()), true
	}
	f, ok := o.(float64)
	switch {
	case !ok:
		return 0, false
	case math.IsNaN(f):
		return 2, true
	case math.IsInf(f, 0):
		return -int(math.Copysign(1, f)), true
	}
	return d.rat().Cmp(new(big.Rat).SetFloat64(f)), true
}

// hash is that of the number, so that Decimal('1') and 1 are one key.
func (d *Decimal) hash() hash {
	r := d.rat()
	if r.IsInt() {
		h, _ := hashOf(normInt(new(big.Int).Set(r.Num())))
		return h
	}
	if f, exact := r.Float64(); exact {
		return hashFloat(f)
	}
	return hash{kind: 'q', s: r.String()}
}

func (d *Decimal) Operate(op string, o Value, swapped bool) (Value, bool, error) {
	e, ok := toDecimal(o)
	if !ok {
		return nil, false, nil
	}
	if swapped {
		d, e = e, d
	}
	switch op {
	case "+", "-":
		exp := min(d.exp, e.exp)
		if max(d.exp, e.exp)-exp > decimalRange {
			return nil, false, raise(limitError, "the exponents are too far apart")
		}
		x, y := d.quantized(exp).unscaled, e.quantized(exp).unscaled
		if op == "+" {
			return (&Decimal{new(big.Int).Add(x, y), exp}).rounded(), true, nil
		}
		return (&Decimal{new(big.Int).Sub(x, y), exp}).rounded(), true, nil
	case "*":
		exp := d.exp + e.exp
		if exp > decimalRange || exp < -decimalRange {
			return nil, false, raise(limitError, "the exponent is too large")
		}
		return (&Decimal{new(big.Int).Mul(d.unscaled, e.unscaled), exp}).rounded(), true, nil
	}
	if e.unscaled.Sign() == 0 {
		return nil, false, raise(zeroDivision, "[<class 'decimal.DivisionByZero'>]")
	}
	switch op {
	case "/":
		return d.divide(e), true, nil
	case "//", "%":
		exp := min(d.exp, e.exp)
		q, m := new(big.Int).QuoRem(d.quantized(exp).unscaled, e.quantized(exp).unscaled, new(big.Int))
		if op == "//" {
			return &Decimal{q, 0}, true, nil
		}
		return (&Decimal{m, exp}).rounded(), true, nil
	}
	return nil, false, nil
}

// divide returns 28 digits, or fewer if the quotient has no more.
func (d *Decimal) divide(e *Decimal) *Decimal {
	ideal := d.exp - e.exp
	if d.unscaled.Sign() == 0 {
		return &Decimal{new(big.Int), ideal}
	}
	shift := max(decimalDigits+1+e.digits()-d.digits(), 0)
	q, m := new(big.Int).QuoRem(new(big.Int).Mul(d.unscaled, pow10(shift)), e.unscaled, new(big.Int))
	exp := ideal - shift
	if m.Sign() != 0 {
		// A digit that tells that the quotient goes on decides about halves.
		q.Mul(q, big.NewInt(10)).Add(q, big.NewInt(int64(m.Sign()*e.unscaled.Sign())))
		return (&Decimal{q, exp - 1}).rounded()
	}
	ten := big.NewInt(10)
	for exp < ideal {
		r, m := new(big.Int).QuoRem(q, ten, new(big.Int))
		if m.Sign() != 0 {
			break
		}
		q, exp = r, exp+1
	}
	return (&Decimal{q, exp}).rounded()
}

// Int, Float and Round are what the filters int, float and round use.
func (d *Decimal) Int() (Value, error) {
	r := d.rat()
	return normInt(new(big.Int).Quo(r.Num(), r.Denom())), nil
}

func (d *Decimal) Float() (float64, error) {
	f, _ := d.rat().Float64()
	return f, nil
}

func (d *Decimal) Round(precision int) (Value, error) { return d.quantized(-precision), nil }

// Format knows the types f and %, and none; for the others it is a float.
func (d *Decimal) Format(text string) (string, error) {
	p, err := parseSpec(text)
	if err != nil {
		return "", err
	}
	switch p.kind {
	case 'f', 'F', '%':
	case 0:
		s := strings.TrimPrefix(d.String(), "-")
		if i := strings.IndexByte(s, 'E'); i < 0 && p.precision < 0 {
			whole, rest, found := strings.Cut(s, ".")
			return p.number(d.unscaled.Sign() < 0, "", whole, strings.Repeat(".", bool2int(found))+rest, 3), nil
		}
		fallthrough
	default:
		f, err := d.Float()
		if err != nil {
			return "", err
		}
		return formatFloat(f, p)
	}
	x, unit := d, ""
	if p.kind == '%' {
		x, unit = &Decimal{d.unscaled, d.exp + 2}, "%"
	}
	if p.precision >= 0 {
		x = x.quantized(-p.precision)
	} else if x.exp > 0 {
		x = x.quantized(0)
	}
	s := withPoint(new(big.Int).Abs(x.unscaled).String(), -x.exp)
	whole, rest, found := strings.Cut(s, ".")
	return p.number(d.unscaled.Sign() < 0, "", whole, strings.Repeat(".", bool2int(found))+rest+unit, 3), nil
}

func (d *Decimal) methods() map[string]*method { return decimalMethods }

var decimalMethods = map[string]*method{
	"quantize": {sig("exp"), func(_ *Call, obj Value, a []Value) (Value, error) {
		e, ok := toDecimal(a[0])
		if !ok {
			return nil, raise(typeError, "quantize() wants a Decimal")
		}
		return obj.(*Decimal).quantized(e.exp), nil
	}},
	"normalize": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) {
		d := obj.(*Decimal)
		n, exp := new(big.Int).Set(d.unscaled), d.exp
		for n.Sign() != 0 {
			q, m := new(big.Int).QuoRem(n, big.NewInt(10), new(big.Int))
			if m.Sign() != 0 {
				break
			}
			n, exp = q, exp+1
		}
		if n.Sign() == 0 {
			exp = 0
		}
		return &Decimal{n, exp}, nil
	}},
	"is_zero": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) { return obj.(*Decimal).unscaled.Sign() == 0, nil }},
	"to_integral_value": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) {
		return obj.(*Decimal).quantized(max(obj.(*Decimal).exp, 0)), nil
	}},
}
