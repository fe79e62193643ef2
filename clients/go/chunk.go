package hotpathd

import (
	"context"
	"encoding/json"
	"errors"
)

// ChunkRequest is the body of a call to the route chunk. Only Text must be there; a zero value is
// left out, and the preset's or the daemon's default holds.
type ChunkRequest struct {
	Text       string        `json:"text"`                  // valid UTF-8, else the call takes the old path
	Format     string        `json:"format,omitempty"`      // plain (default), markdown, html
	Clean      *Clean        `json:"clean,omitempty"`       // default: standard
	Chunk      *ChunkOptions `json:"chunk,omitempty"`       // default: 512 tokens, no overlap
	Encoding   string        `json:"encoding,omitempty"`    // o200k_base, cl100k_base, estimate
	Offsets    string        `json:"offsets,omitempty"`     // char (default), byte, utf16; byte is what Go's slices want
	ReturnText string        `json:"return_text,omitempty"` // always (default), if_changed, never
	Preset     string        `json:"preset,omitempty"`      // of the daemon's configuration: what holds where nothing is said here
}

var errNotUTF8 = errors.New("the text is not valid UTF-8")

// appendJSON copies the text, and leaves the rest to encoding/json.
func (r ChunkRequest) appendJSON(dst []byte) ([]byte, error) {
	options := struct {
		Format     string        `json:"format,omitempty"`
		Clean      *Clean        `json:"clean,omitempty"`
		Chunk      *ChunkOptions `json:"chunk,omitempty"`
		Encoding   string        `json:"encoding,omitempty"`
		Offsets    string        `json:"offsets,omitempty"`
		ReturnText string        `json:"return_text,omitempty"`
		Preset     string        `json:"preset,omitempty"`
	}{r.Format, r.Clean, r.Chunk, r.Encoding, r.Offsets, r.ReturnText, r.Preset}
	more, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	if cap(dst) < len(r.Text) {
		dst = make([]byte, 0, len(r.Text)+len(r.Text)/16+len(more)+32)
	}
	dst, ok := appendString(append(dst, `{"text":`...), r.Text)
	if !ok {
		return nil, errNotUTF8
	}
	return appendMore(dst, more), nil
}

// ChunkOptions says how the text is split.
type ChunkOptions struct {
	None    bool   `json:"-"`                 // no chunks at all: clean text and its token count only
	Max     int    `json:"max,omitempty"`     // default 512
	Overlap int    `json:"overlap,omitempty"` // of two neighbours, below Max
	Min     int    `json:"min,omitempty"`     // a smaller chunk is joined to a neighbour
	Unit    string `json:"unit,omitempty"`    // tokens (default), chars, bytes
}

// MarshalJSON writes null for None.
func (o ChunkOptions) MarshalJSON() ([]byte, error) {
	if o.None {
		return []byte("null"), nil
	}
	type plain ChunkOptions
	return json.Marshal(plain(o))
}

// Clean says what is done to the text before it is split: a preset of the daemon's configuration
// by name, or single switches on top of what holds without them.
type Clean struct {
	Preset string `json:"-"` // none, standard, or the cleaning of a preset; the switches below are then not looked at

	Normalization string `json:"normalization,omitempty"` // none, nfc, nfkc
	Mojibake      Switch `json:"mojibake,omitempty"`
	Controls      Switch `json:"controls,omitempty"`
	LineEndings   Switch `json:"line_endings,omitempty"`
	Spaces        Switch `json:"spaces,omitempty"`
	BlankRuns     Switch `json:"blank_runs,omitempty"`
	Hyphenation   Switch `json:"hyphenation,omitempty"`
	Ligatures     Switch `json:"ligatures,omitempty"`
	JoinLines     Switch `json:"join_lines,omitempty"`
	RepeatedLines Switch `json:"repeated_lines,omitempty"`
}

// MarshalJSON writes a preset as its name.
func (c Clean) MarshalJSON() ([]byte, error) {
	if c.Preset != "" {
		return json.Marshal(c.Preset)
	}
	type plain Clean
	return json.Marshal(plain(c))
}

// Switch is a boolean that knows when nobody has set it.
type Switch int8

const (
	SwitchDefault Switch = iota
	SwitchOn
	SwitchOff
)

// MarshalJSON writes true or false; where it is left out, omitempty has seen to that.
func (s Switch) MarshalJSON() ([]byte, error) { return json.Marshal(s == SwitchOn) }

// Piece is a chunk and its text. Of the old code's pieces only Text need be there.
type Piece struct {
	Text string `json:"text"`
	Chunk
}

// ChunkCall is a call to the route chunk whose result is pieces of text. Key, Timeout and the rest
// may be set on it before Do. Mode shadow compares the texts alone: what else a piece has is the
// daemon's own.
func ChunkCall(request ChunkRequest, legacy func(context.Context) ([]Piece, error)) Call[[]Piece] {
	request.Offsets, request.ReturnText = "byte", "if_changed" // the pieces are cut here
	reply := func(body []byte) ([]Piece, error) { return readPieces(body, request.Text) }
	return Call[[]Piece]{Route: "chunk", Body: request, Reply: reply, Legacy: legacy, Comparison: Comparison{
		Ignore: []string{"/*/id", "/*/start", "/*/end", "/*/tokens", "/*/source", "/*/boundary", "/*/oversize", "/*/headings"},
	}}
}

// readPieces cuts the text of the answer, or the one that was sent where cleaning left it alone.
func readPieces(body []byte, sent string) ([]Piece, error) {
	var reply struct {
		Text      *string
		Unchanged bool
		Chunks    *[]Chunk
	}
	if err := json.Unmarshal(body, &reply); err != nil {
		return nil, err
	}
	if reply.Text == nil && reply.Unchanged {
		reply.Text = &sent
	}
	if reply.Text == nil || reply.Chunks == nil {
		return nil, errors.New("no text or no chunks")
	}
	text, chunks := *reply.Text, *reply.Chunks
	pieces := make([]Piece, len(chunks))
	for i, c := range chunks {
		if c.Start < 0 || c.Start >= c.End || c.End > len(text) {
			return nil, errors.New("a chunk outside of the text, or of nothing")
		}
		pieces[i] = Piece{text[c.Start:c.End], c}
	}
	return pieces, nil
}

// ChunkReply is what the route chunk answers.
type ChunkReply struct {
	Text      string        `json:"text"` // the cleaned text, where ReturnText asks for it
	Unchanged bool          `json:"unchanged"`
	Encoding  string        `json:"encoding"`
	Exact     bool          `json:"exact"`  // false for estimate
	Tokens    int           `json:"tokens"` // of the whole cleaned text
	Chunks    []Chunk       `json:"chunks"`
	Metadata  ChunkMetadata `json:"metadata"`
}

// Chunk is a span of the cleaned text. Start, End and Source count in the unit of Offsets.
type Chunk struct {
	ID       string   `json:"id"` // a hash of the chunk's text and the options
	Start    int      `json:"start"`
	End      int      `json:"end"`
	Tokens   int      `json:"tokens"`
	Source   [2]int   `json:"source"`   // the span of the raw text
	Boundary string   `json:"boundary"` // what ends the chunk: document, page, section, ... grapheme
	Oversize bool     `json:"oversize"` // one grapheme cluster alone is over Max
	Headings []string `json:"headings"` // outermost first, of Markdown and HTML
}

// ChunkMetadata tells of the document as a whole.
type ChunkMetadata struct {
	Bytes   int            `json:"bytes"` // of the raw text
	Chars   int            `json:"chars"` // of the cleaned text
	Title   string         `json:"title"`
	Changes map[string]int `json:"changes"` // how often each cleaning switch changed something
}
