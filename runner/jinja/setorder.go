package jinja

// ordered returns the elements in the order in which a loop sees them. For
// whole numbers that is CPython's, which templates may rely on: it follows from
// the hash table. For texts Python's order differs from run to run; here it is
// the order of insertion.
func (s *Set) ordered() []Value {
	items := s.d.items
	for i := range items {
		if items[i].hash.kind != 'i' {
			return s.d.Keys()
		}
	}
	t := newSetTable(8)
	for i := range items {
		t.insert(i, items)
		if size := len(t.slots); (i+1)*5 >= (size-1)*3 {
			t = t.grow(i+1, items)
		}
	}
	out := make([]Value, 0, len(items))
	for _, i := range t.slots {
		if i >= 0 {
			out = append(out, items[i].Key)
		}
	}
	return out
}

// setTable is the table of CPython's set; a slot holds the index of an element
// or -1.
type setTable struct{ slots []int }

func newSetTable(size int) *setTable {
	t := &setTable{make([]int, size)}
	for i := range t.slots {
		t.slots[i] = -1
	}
	return t
}

// intHash is Python's hash of an int that fits 64 bits.
func intHash(n int64) uint64 {
	const m = 1<<61 - 1
	h := n % m
	if h == -1 {
		h = -2
	}
	return uint64(h)
}

// insert looks at up to ten slots in a row, then jumps.
func (t *setTable) insert(element int, items []Item) {
	h := intHash(items[element].hash.n)
	mask := uint64(len(t.slots) - 1)
	perturb := h
	for i := h & mask; ; i = (i*5 + 1 + perturb) & mask {
		probes := uint64(0)
		if i+9 <= mask {
			probes = 9
		}
		for j := i; j <= i+probes; j++ {
			if t.slots[j] < 0 {
				t.slots[j] = element
				return
			}
		}
		perturb >>= 5
	}
}

func (t *setTable) grow(used int, items []Item) *setTable {
	least := used * 4
	if used > 50_000 {
		least = used * 2
	}
	size := 8
	for size <= least {
		size *= 2
	}
	bigger := newSetTable(size)
	for _, i := range t.slots {
		if i >= 0 {
			bigger.insert(i, items)
		}
	}
	return bigger
}
