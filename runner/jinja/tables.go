package jinja

// tables are what values can do, by name. The functions in them reach the
// tables through the render, for a variable can not be used in its own making.
type tables struct {
	filters, tests                                         map[string]*filter
	text, list, dict, tuple, set, int, float, loop, cycler map[string]*method
	builtins                                               map[string]Value
}

// language never changes.
var language = tables{
	filters: filters, tests: tests, builtins: builtins,
	text: textMethods, list: listMethods, dict: dictMethods, tuple: tupleMethods, set: setMethods,
	int: intMethods, float: floatMethods, loop: loopMethods, cycler: cyclerMethods,
}
