package jinja

import "fmt"

// class is the class of Python's exception that an error stands for. It
// decides what catches the error: a missing item becomes undefined, a text
// that is no number makes the filter int take its default.
type class uint8

const (
	runtimeError class = iota
	typeError
	valueError
	lookupError
	zeroDivision
	overflowError
	undefinedError
	attributeError
	limitError // of this package: not caught by anything
)

// pyError is an error without a place; the expression that causes it adds that.
type pyError struct {
	class class
	msg   string
}

func (e *pyError) Error() string { return e.msg }

func raise(c class, format string, args ...any) error {
	return &pyError{c, fmt.Sprintf(format, args...)}
}

// isError reports whether err is of one of the classes.
func isError(err error, classes ...class) bool {
	e, ok := err.(*pyError)
	if !ok {
		return false
	}
	for _, c := range classes {
		if e.class == c {
			return true
		}
	}
	return false
}

var errSecret = &pyError{typeError, "a secret can only be printed or concatenated"}

// usable fails for values that nothing but printing takes.
func usable(v Value) error {
	switch v := v.(type) {
	case *Undefined:
		return raise(undefinedError, "%s", v.message())
	case Secret, SecretText:
		return errSecret
	}
	return nil
}
