package hotpathd

import (
	"context"
	"encoding/json"
	"errors"
)

// ScoreRequest is the body of a call to the route score. Query and one kind of documents must be
// there; a zero value is left out, and the daemon's default holds. Of the kinds Rows costs least:
// nothing is read and nothing escaped.
type ScoreRequest struct {
	Query     string              // valid UTF-8, as all text here; else the call takes the old path
	Documents []string            // texts
	Objects   []map[string]string // documents of fields

	// Rows are documents that are JSON already, strings or objects of strings, as PostgreSQL's
	// jsonb, to_jsonb(column) or row_to_json(row) give them. They are sent as they are and not
	// looked at: they must come from what writes JSON. What breaks the request is refused by the
	// daemon, and the call takes the old path.
	Rows []json.RawMessage

	ScoreOptions
}

// ScoreOptions are the contract's.
type ScoreOptions struct {
	TopN            int                `json:"top_n,omitempty"`
	Fields          map[string]float64 `json:"fields,omitempty"`   // weights of the objects' fields
	Analyzer        string             `json:"analyzer,omitempty"` // english (default), simple, porter, ...
	BM25            *BM25              `json:"bm25,omitempty"`
	Stats           *ScoreStats        `json:"stats,omitempty"`
	Priors          []float64          `json:"priors,omitempty"` // one per document
	PriorWeight     *float64           `json:"prior_weight,omitempty"`
	Fusion          string             `json:"fusion,omitempty"` // sum (default), rrf
	Match           any                `json:"match,omitempty"`  // "none" (default), "any", "all", or a number
	Must            []string           `json:"must,omitempty"`
	MustNot         []string           `json:"must_not,omitempty"`
	MinScore        *float64           `json:"min_score,omitempty"`
	Explain         bool               `json:"explain,omitempty"`
	ReturnDocuments bool               `json:"return_documents,omitempty"`
	Preset          string             `json:"preset,omitempty"` // of the daemon's configuration: what holds where nothing is said here
}

// BM25 has the formula's parameters; nil is the daemon's default.
type BM25 struct {
	K1 *float64 `json:"k1,omitempty"`
	B  *float64 `json:"b,omitempty"`
}

// ScoreStats are statistics of the whole corpus, any subset of them.
type ScoreStats struct {
	Docs   int            `json:"docs,omitempty"`
	AvgLen any            `json:"avg_len,omitempty"` // a number, or one per field
	DF     map[string]int `json:"df,omitempty"`
}

// appendJSON copies the texts, and leaves the rest to encoding/json.
func (r ScoreRequest) appendJSON(dst []byte) ([]byte, error) {
	more, err := json.Marshal(r.ScoreOptions)
	if err != nil {
		return nil, err
	}
	if room := r.room() + len(more); cap(dst) < room {
		dst = make([]byte, 0, room)
	}
	dst, ok := appendString(append(dst, `{"query":`...), r.Query)
	dst = append(dst, `,"documents":[`...)
	for i := 0; i < len(r.Documents) && ok; i++ {
		dst, ok = appendString(appendComma(dst, i), r.Documents[i])
	}
	for i := 0; i < len(r.Objects) && ok; i++ {
		dst, ok = appendFields(appendComma(dst, len(r.Documents)+i), r.Objects[i])
	}
	if !ok {
		return nil, errNotUTF8
	}
	for i, row := range r.Rows {
		dst = append(appendComma(dst, len(r.Documents)+len(r.Objects)+i), row...)
	}
	return appendMore(append(dst, ']'), more), nil
}

// room is about the length of the body, so that it is not copied while it grows.
func (r ScoreRequest) room() int {
	n := len(r.Query)
	for _, text := range r.Documents {
		n += len(text) + 3
	}
	for _, object := range r.Objects {
		for name, text := range object {
			n += len(name) + len(text) + 8
		}
	}
	for _, row := range r.Rows {
		n += len(row) + 1
	}
	return n + n/16 + 64
}

func appendComma(dst []byte, i int) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	return dst
}

func appendFields(dst []byte, fields map[string]string) ([]byte, bool) {
	dst = append(dst, '{')
	i, ok := 0, true
	for name, text := range fields {
		if dst, ok = appendString(appendComma(dst, i), name); !ok {
			return dst, false
		}
		if dst, ok = appendString(append(dst, ':'), text); !ok {
			return dst, false
		}
		i++
	}
	return append(dst, '}'), true
}

// ScoreReply is what the route score answers.
type ScoreReply struct {
	Results []ScoreResult   `json:"results"` // best first
	Meta    json.RawMessage `json:"meta"`
}

// ScoreResult is a document by its index.
type ScoreResult struct {
	Index    int             `json:"index"`
	Score    float64         `json:"relevance_score"`
	Explain  json.RawMessage `json:"explain,omitempty"`
	Document json.RawMessage `json:"document,omitempty"` // as it was sent, where ReturnDocuments asks for it
}

// ScoreCall is a call to the route score whose result is the best documents, best first. Key,
// Timeout and the rest may be set on it before Do. Mode shadow compares the order alone: scores
// of another formula are other numbers.
func ScoreCall(request ScoreRequest, legacy func(context.Context) ([]ScoreResult, error)) Call[[]ScoreResult] {
	count := len(request.Documents) + len(request.Objects) + len(request.Rows)
	read := func(body []byte) ([]ScoreResult, error) {
		results, err := readResults(body)
		for _, r := range results {
			if r.Index < 0 || r.Index >= count {
				return nil, errors.New("an index is outside of the documents")
			}
		}
		return results, err
	}
	return Call[[]ScoreResult]{Route: "score", Body: request, Reply: read, Legacy: legacy, Comparison: Comparison{
		Ignore: []string{"/*/relevance_score", "/*/explain", "/*/document"},
	}}
}
