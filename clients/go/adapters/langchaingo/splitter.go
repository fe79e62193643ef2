// Package langchaingo makes the sidecar a TextSplitter of langchaingo, with the splitter that the
// service had as the old code.
//
//	splitter := langchaingo.Splitter{Sidecar: sidecar, Legacy: textsplitter.NewRecursiveCharacter()}
//	documents, err := documentloaders.NewText(file).LoadAndSplit(ctx, splitter)
package langchaingo

import (
	"context"
	"time"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
	"github.com/tmc/langchaingo/textsplitter"
)

// Splitter asks the route chunk. Sidecar and Legacy must be set.
type Splitter struct {
	Sidecar *hotpathd.Client
	Legacy  textsplitter.TextSplitter

	// Request has the options of each call; its Text is not looked at.
	Request hotpathd.ChunkRequest

	// Key, where set, names a text for the canary; without it each call is drawn at random.
	Key func(text string) string

	// Timeout is Call.Timeout. TextSplitter has no context, so that it is all that limits a call.
	Timeout time.Duration
}

var _ textsplitter.TextSplitter = Splitter{}

// SplitText gives the texts of the chunks; its error is Legacy's.
func (s Splitter) SplitText(text string) ([]string, error) {
	request := s.Request
	request.Text = text
	call := hotpathd.ChunkCall(request, func(context.Context) ([]hotpathd.Piece, error) {
		texts, err := s.Legacy.SplitText(text)
		return pieces(texts), err
	})
	call.Timeout = s.Timeout
	if s.Key != nil {
		call.Key = s.Key(text)
	}
	found, err := hotpathd.Do(context.Background(), s.Sidecar, call)
	return texts(found), err
}

func pieces(texts []string) []hotpathd.Piece {
	var out []hotpathd.Piece
	for _, text := range texts {
		out = append(out, hotpathd.Piece{Text: text})
	}
	return out
}

func texts(pieces []hotpathd.Piece) []string {
	var out []string
	for _, piece := range pieces {
		out = append(out, piece.Text)
	}
	return out
}
