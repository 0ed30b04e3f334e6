package jinja

import (
	"crypto/md5"
	"encoding/hex"
)

// Functions returns functions of dbt's context that are about values only:
// set, set_strict, zip, zip_strict, fromjson, tojson and local_md5.
func Functions() map[string]Value {
	return map[string]Value{
		"set":        Func{"set", setFunc(false)},
		"set_strict": Func{"set_strict", setFunc(true)},
		"zip":        Func{"zip", zipFunc(false)},
		"zip_strict": Func{"zip_strict", zipFunc(true)},
		"fromjson":   Func{"fromjson", fromJSON},
		"tojson":     Func{"tojson", toJSON},
		"local_md5":  Func{"local_md5", localMD5},
	}
}

// orDefault runs f, whose failure by the wrong kind of value gives the argument
// named default, as dbt does, unless strict.
func orDefault(strict bool, preset Value, f func() (Value, error)) (Value, error) {
	v, err := f()
	if !strict && isError(err, typeError) {
		return preset, nil
	}
	return v, err
}

func setFunc(strict bool) func(c *Call) (Value, error) {
	return func(c *Call) (Value, error) {
		if !strict && len(c.Args) == 0 && c.Kwargs.Len() == 0 {
			return &Set{}, nil
		}
		params := []string{"value"}
		if !strict {
			params = append(params, "default=")
		}
		a, err := c.Bind(params...)
		if err != nil {
			return nil, err
		}
		return orDefault(strict, last(a), func() (Value, error) {
			items, err := toSlice(c.f.rt, a[0])
			if err != nil {
				return nil, err
			}
			return orNil(NewSet(items...))
		})
	}
}

func last(a []Value) Value { return a[len(a)-1] }

func zipFunc(strict bool) func(c *Call) (Value, error) {
	return func(c *Call) (Value, error) {
		var preset Value
		if c.Kwargs != nil {
			preset, _ = c.Kwargs.Get("default")
		}
		return orDefault(strict, preset, func() (Value, error) {
			its := make([]*Iterator, len(c.Args))
			for i, v := range c.Args {
				it, err := iterate(c.f.rt, v)
				if err != nil {
					return nil, err
				}
				its[i] = it
			}
			return NewIterator("zip", func() (Value, bool, error) {
				if len(its) == 0 {
					return nil, false, nil
				}
				t := make(Tuple, len(its))
				for i, it := range its {
					v, ok, err := it.Next()
					if err != nil || !ok {
						return nil, false, err
					}
					t[i] = v
				}
				return t, true, nil
			}), nil
		})
	}
}

func fromJSON(c *Call) (Value, error) {
	a, err := c.Bind("string", "default=")
	if err != nil {
		return nil, err
	}
	text, err := strArg(a[0], "the JSON object")
	if err != nil {
		return nil, err
	}
	v, err := ParseJSON(text)
	if err != nil {
		return a[1], nil
	}
	return v, nil
}

func toJSON(c *Call) (Value, error) {
	a, err := c.Bind("value", "default=", "sort_keys=false")
	if err != nil {
		return nil, err
	}
	s, err := c.f.rt.dumps(a[0], nil, Truth(a[2]))
	if err != nil {
		if isSecret(a[0]) || isError(err, limitError) {
			return nil, err
		}
		return a[1], nil
	}
	return s, nil
}

func localMD5(c *Call) (Value, error) {
	a, err := c.Bind("value")
	if err != nil {
		return nil, err
	}
	text, err := strArg(a[0], "the value")
	if err != nil {
		return nil, err
	}
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:]), nil
}
