package jinja

// span is where a node stands, as byte offsets of the normalised text.
type span struct{ pos, end int32 }

func (s span) at() span { return s }

// expr is an expression; eval.go has the eval methods.
type expr interface {
	at() span
	eval(f *frame) (Value, error)
}

type (
	constExpr struct {
		span
		v Value
	}
	// nameExpr reads or, as a target, writes a variable.
	nameExpr struct {
		span
		name  string
		ref   varRef
		store bool
	}
	// nsRef is ns.attr as a target.
	nsRef struct {
		span
		name nameExpr
		attr string
	}
	listExpr struct {
		span
		items []expr
	}
	tupleExpr struct {
		span
		items []expr
	}
	dictExpr struct {
		span
		keys, values []expr
	}
	attrExpr struct {
		span
		obj  expr
		name string
	}
	itemExpr struct {
		span
		obj, arg expr
	}
	sliceExpr struct {
		span
		obj               expr // set by parseSubscript
		start, stop, step expr // may be nil
	}
	callExpr struct {
		span
		fn expr
		callArgs
	}
	filterExpr struct {
		span
		obj  expr // nil: the text of the block
		name string
		fn   *filter // nil: unknown, an error when evaluated
		callArgs
	}
	testExpr struct {
		span
		obj  expr
		name string
		fn   *filter
		callArgs
	}
	condExpr struct {
		span
		test, then, otherwise expr // otherwise may be nil
	}
	binaryExpr struct {
		span
		op   kind
		l, r expr
	}
	unaryExpr struct {
		span
		op kind
		x  expr
	}
	andExpr struct {
		span
		l, r expr
	}
	orExpr struct {
		span
		l, r expr
	}
	notExpr struct {
		span
		x expr
	}
	concatExpr struct {
		span
		items []expr
	}
	compareExpr struct {
		span
		first expr
		rest  []comparison
	}
	comparison struct {
		op kind // tEq … tLe, or opIn, opNotIn
		x  expr
	}
)

// Comparisons that are words.
const (
	opIn kind = 100 + iota
	opNotIn
)

// callArgs are the arguments of a call, a filter or a test.
type callArgs struct {
	args     []expr
	kwargs   []keyword
	star     expr // *x
	starstar expr // **x
}

type keyword struct {
	span
	name  string
	key   Value // name
	value expr
}

// stmt is a tag or a piece of text; exec.go has the exec methods.
type stmt interface {
	exec(f *frame) (flow, error)
}

type (
	dataStmt struct {
		span
		text string
	}
	printStmt struct {
		span // of the expression
		x    expr
	}
	doStmt struct {
		span
		x expr
	}
	ifStmt struct {
		span
		arms      []ifArm
		otherwise []stmt
	}
	ifArm struct {
		test expr
		body []stmt
	}
	forStmt struct {
		span
		target    expr
		iter      expr
		test      expr // may be nil
		body      []stmt
		otherwise []stmt
		recursive bool
		special   specials // names that occur in body

		loopVar   varRef // the name loop, if extended
		extended  bool
		bodyInit  scopeInit
		elseInit  scopeInit
		testInit  scopeInit
		testFn    *function // the test has variables of its own
		testStore expr      // target, as the test sees it
		bodyFn    *function // if recursive
	}
	setStmt struct {
		span
		target expr
		value  expr
	}
	setBlockStmt struct {
		span
		target expr
		filter *filterExpr // innermost obj is nil; may be nil
		body   []stmt
		init   scopeInit
	}
	macroStmt struct {
		span // of the name
		tag  int32
		ref  varRef
		def  *Macro
	}
	callStmt struct {
		span
		call *callExpr
		def  *Macro // the caller
	}
	filterStmt struct {
		span
		filter *filterExpr
		body   []stmt
		init   scopeInit
	}
	withStmt struct {
		span
		targets, values []expr
		body            []stmt
		init            scopeInit
	}
	breakStmt    struct{ span }
	continueStmt struct{ span }
	includeStmt  struct {
		span
		template      expr
		ignoreMissing bool
		withContext   bool
		locals        []localVar
	}
	importStmt struct {
		span
		template    expr
		target      nameExpr
		withContext bool
		locals      []localVar
	}
	fromStmt struct {
		span
		template    expr
		names       []fromName
		withContext bool
		locals      []localVar
	}
	fromName struct {
		name  string
		alias nameExpr
	}
	// blockStmt is Jinja's block tag; without extends it prints its body.
	blockStmt struct {
		span
		name   string
		scoped bool
		body   []stmt
		fn     *function
		init   scopeInit
		locals []localVar
	}
	// scopeStmt is a body with variables of its own.
	scopeStmt struct {
		span
		body []stmt
		init scopeInit
	}
)

// specials are the names that mean something where they are free.
type specials uint8

const (
	usesCaller specials = 1 << iota
	usesKwargs
	usesVarargs
	usesLoop
	storesLoop
)

func specialOf(name string) specials {
	switch name {
	case "caller":
		return usesCaller
	case "kwargs":
		return usesKwargs
	case "varargs":
		return usesVarargs
	case "loop":
		return usesLoop
	}
	return 0
}
