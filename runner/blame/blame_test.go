package blame

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"0", "0"}, {"-12.50", "-12.5"}, {"1e3", "1000"}, {"1.5e-3", "0.0015"}, {"0.1", "0.1"}, {"99999999999999999999999999999999999.001", "99999999999999999999999999999999999.001"},
		{"nan", ""}, {"inf", ""}, {"-inf", ""}, {"", ""}, {"1/3", ""}, {"0x10", ""}, {"a", ""},
	} {
		n, ok := Parse(c.in)
		if ok != (c.want != "") || ok && n.String() != c.want {
			t.Errorf("%q: %v %v, want %q", c.in, n, ok, c.want)
		}
	}
}

// Whatever is known, the parts add up to the total exactly.
func TestSplitAddsUp(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	some := func() *Number {
		text := strconv.FormatInt(rnd.Int64N(1e15)-5e14, 10) + "." + strconv.Itoa(rnd.IntN(1e6))
		if rnd.IntN(2) == 0 {
			text = strconv.FormatFloat(rnd.NormFloat64()*1e6, 'g', -1, 64)
		}
		n, ok := Parse(text)
		if !ok {
			t.Fatal(text)
		}
		return n
	}
	for i := range 2000 {
		old, code, data, new := some(), some(), some(), some()
		if i%4 == 1 || i%4 == 3 {
			code = nil
		}
		if i%4 >= 2 {
			data = nil
		}
		p := Split(old, code, data, new)
		var want, sum big.Rat
		want.Sub(&new.rat, &old.rat)
		if p.Total.rat.Cmp(&want) != 0 {
			t.Fatalf("total %s", p.Total)
		}
		if (p.Both != nil) != (code != nil && data != nil) || (p.Code != nil) != (i%4 != 3) || (p.Data != nil) != (i%4 != 3) {
			t.Fatalf("case %d: %+v", i%4, p)
		}
		if want := []string{"", "code", "data", ""}[i%4]; p.Within != want {
			t.Fatalf("case %d: both is within %q, want %q", i%4, p.Within, want)
		}
		if p.Code == nil {
			continue
		}
		sum.Add(&p.Code.rat, &p.Data.rat)
		if p.Both != nil {
			sum.Add(&sum, &p.Both.rat)
		}
		if sum.Cmp(&want) != 0 {
			t.Fatalf("%s + %s + %v != %s", p.Code, p.Data, p.Both, p.Total)
		}
	}
	if p := Split(nil, Int(1), Int(2), Int(3)); p != (Parts{}) {
		t.Errorf("an unknown end: %+v", p)
	}
	if p := Split(Int(10), Int(20), Int(15), Int(30)); p.Code.String() != "10" || p.Data.String() != "5" || p.Both.String() != "5" {
		t.Errorf("price * quantity: %+v", p)
	}
}
