package artifact

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
)

// Nodes are the nodes of a manifest, which are made when they are written.
type Nodes struct {
	IDs []string              // nil: the manifest says null; in any order
	Of  func(id string) *Node // called once for each, by several goroutines at once
}

// WriteManifestNodes writes a manifest.json whose nodes are never in memory all at
// once; m.Nodes is not looked at. The file is the one that WriteManifest makes of
// the same nodes. Mask, if it is not nil, changes what the strings of a JSON text
// say: it gets the text in parts, and no part ends inside of a string.
func WriteManifestNodes(path string, m *Manifest, nodes Nodes, mask func([]byte) []byte) error {
	return replace(path, func(w io.Writer) error {
		s := &stream{w: w, mask: mask}
		s.manifest(m, nodes)
		return s.err
	})
}

// stream writes a manifest in parts.
type stream struct {
	w    io.Writer
	mask func([]byte) []byte
	e    encoder
	err  error // the first
}

func (s *stream) manifest(m *Manifest, nodes Nodes) {
	e := &s.e
	e.open()
	e.any("metadata", m.Metadata)
	s.nodes(nodes)
	e.any("sources", m.Sources)
	e.any("macros", m.Macros)
	e.any("docs", m.Docs)
	e.any("exposures", m.Exposures)
	e.any("metrics", m.Metrics)
	e.any("groups", m.Groups)
	e.any("selectors", m.Selectors)
	e.any("disabled", m.Disabled)
	for _, part := range []struct {
		name  string
		lists map[string][]string
	}{{"parent_map", m.ParentMap}, {"child_map", m.ChildMap}, {"group_map", m.GroupMap}} {
		s.flush()
		e.name(part.name)
		object(e, part.lists, e.textList)
	}
	s.flush()
	e.any("saved_queries", m.SavedQueries)
	e.any("semantic_models", m.SemanticModels)
	e.any("unit_tests", m.UnitTests)
	if len(m.Functions) > 0 {
		e.any("functions", m.Functions)
	}
	e.close()
	e.b = append(e.b, '\n')
	s.flush()
}

// nodes writes the nodes in the order of their ids. Each processor makes and
// encodes a part of them, which are then written one after the other.
func (s *stream) nodes(nodes Nodes) {
	const part = 64
	s.e.name("nodes")
	if nodes.IDs == nil {
		s.e.null()
		return
	}
	s.e.open()
	encoders := make([]encoder, runtime.GOMAXPROCS(0))
	ids := slices.Sorted(slices.Values(nodes.IDs))
	for turn := range slices.Chunk(ids, part*len(encoders)) {
		var wg sync.WaitGroup
		parts := slices.Collect(slices.Chunk(turn, part))
		for i := range parts {
			wg.Go(func() { encoders[i].nodes(parts[i], nodes.Of) })
		}
		wg.Wait()
		for i := range parts {
			s.e.next()
			s.flush()
			s.write(&encoders[i])
		}
	}
	s.e.close()
}

// nodes writes some nodes with their ids.
func (e *encoder) nodes(ids []string, of func(id string) *Node) {
	for _, id := range ids {
		e.next()
		e.b = append(appendText(e.b, id), ':')
		if n := of(id); n != nil {
			e.node(n)
		} else {
			e.null()
		}
	}
}

func (s *stream) flush() { s.write(&s.e) }

// write empties an encoder.
func (s *stream) write(e *encoder) {
	if s.err == nil && e.err != nil {
		s.err = fmt.Errorf("manifest.json: %w", e.err)
	}
	text := e.b
	if s.err == nil && len(text) > 0 {
		s.e.last = text[len(text)-1]
		if s.mask != nil {
			text = s.mask(text)
		}
		_, s.err = s.w.Write(text)
	}
	e.b = e.b[:0]
}
