package hotpathd

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The modes come from the real daemon; its own answer, taken before, is the old result.
func TestDaemonInShadowMatchesItself(t *testing.T) {
	d := startDaemon(t, "--set", "chunk.mode=shadow")
	pinned, _ := on(t, d.tcp)
	request := ChunkRequest{Text: document, Chunk: &ChunkOptions{Max: 8}}
	c := ChunkCall(request, noPieces)
	c.Timeout = 10 * time.Second
	old, err := Do(background, pinned, c)
	if err != nil || len(old) < 3 {
		t.Fatalf("%d pieces, %v", len(old), err)
	}
	path := filepath.Join(t.TempDir(), "events")
	client := New(Config{URL: d.unix, PollInterval: 2 * time.Millisecond, Events: path, OnStateChange: func(string, string) {}})
	t.Cleanup(client.Close)
	known(t, client)
	right, wrong := c, c
	right.Legacy = func(context.Context) ([]Piece, error) {
		var texts []Piece // as old code has them: texts and no more
		for _, piece := range old {
			texts = append(texts, Piece{Text: piece.Text})
		}
		return texts, nil
	}
	wrong.Legacy = func(context.Context) ([]Piece, error) { return []Piece{{Text: strings.ToUpper(old[0].Text)}}, nil }
	for _, call := range []Call[[]Piece]{right, wrong} {
		if _, err := Do(background, client, call); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the comparison", func() bool { return client.shadow.bytes.Load() == 0 })
	}
	client.Close()
	events := readEvents(t, path)
	if e := events[0]; e.Path != PathBoth || e.Match == nil || !*e.Match || e.Server == nil || e.Server.Compute == nil {
		t.Errorf("%+v", e)
	}
	if e := events[1]; e.Match == nil || *e.Match || *e.Diff != "/0/text" {
		t.Errorf("%+v", e)
	}
}
