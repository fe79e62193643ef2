package hotpathd

import (
	"context"
	"encoding/json"
	"path/filepath"
	"reflect"
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

// Every kind of candidates says the same, and every option is taken.
func TestDaemonRanks(t *testing.T) {
	client := New(Config{URL: startDaemon(t).unix, Modes: map[string]Mode{"score": ModeOn}})
	t.Cleanup(client.Close)
	rank := func(request ScoreRequest) []ScoreResult {
		t.Helper()
		c := ScoreCall(request, noResults)
		c.Timeout = 10 * time.Second
		results, err := Do(background, client, c)
		if err != nil || len(results) == 0 {
			t.Fatalf("%+v: %v, %v", request, results, err)
		}
		return results
	}
	texts := []string{"A boat \"sails\".", "A wing, naïvely.", "Wings and wings 😀\n"}
	var objects []map[string]string
	var rows, objectRows []json.RawMessage
	for _, text := range texts {
		object := map[string]string{"title": text, "body": "lift"}
		row, _ := json.Marshal(text)
		objectRow, _ := json.Marshal(object)
		objects, rows, objectRows = append(objects, object), append(rows, row), append(objectRows, objectRow)
	}
	plain := rank(ScoreRequest{Query: "wing", Documents: texts})
	if plain[0].Index != 2 || plain[1].Index != 1 || plain[0].Score <= plain[1].Score {
		t.Errorf("%v", plain)
	}
	if got := rank(ScoreRequest{Query: "wing", Rows: rows}); !reflect.DeepEqual(got, plain) {
		t.Errorf("rows: %v, texts: %v", got, plain)
	}
	fielded := rank(ScoreRequest{Query: "wing", Objects: objects})
	if got := rank(ScoreRequest{Query: "wing", Rows: objectRows}); !reflect.DeepEqual(got, fielded) {
		t.Errorf("rows: %v, objects: %v", got, fielded)
	}
	k1, zero := 1.5, 0.0
	all := rank(ScoreRequest{"wing", nil, nil, objectRows, ScoreOptions{TopN: 1, Fields: map[string]float64{"title": 2, "body": 1},
		Analyzer: "porter", BM25: &BM25{K1: &k1}, Stats: &ScoreStats{Docs: 9, AvgLen: map[string]float64{"title": 3, "body": 1}, DF: map[string]int{"wing": 1}},
		Priors: []float64{1, 2, 3}, PriorWeight: &zero, Fusion: "rrf", Match: 1, Must: []string{"wing"}, MustNot: []string{"boat"},
		MinScore: &zero, Explain: true, ReturnDocuments: true}})
	var back map[string]string
	if err := json.Unmarshal(all[0].Document, &back); err != nil || back["title"] != texts[all[0].Index] || len(all[0].Explain) == 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestDaemonRefusesARowThatIsNoJSON(t *testing.T) {
	var last CallInfo
	client := New(Config{URL: startDaemon(t).unix, Modes: map[string]Mode{"score": ModeOn}, OnCall: func(i CallInfo) { last = i }})
	t.Cleanup(client.Close)
	for _, row := range []string{`"cut`, ``, `1`, `"a","b":`, `{"a":{"b":"nested"}}`} {
		c := ScoreCall(ScoreRequest{Query: "q", Rows: []json.RawMessage{json.RawMessage(row)}}, noResults)
		c.Timeout = 10 * time.Second
		if _, err := Do(background, client, c); err != nil {
			t.Fatal(err)
		}
		if last.Reason != ReasonContract && row != "" { // nothing at all is an empty list
			t.Errorf("%q: %s %s (%v)", row, last.Outcome, last.Reason, last.Err)
		}
	}
}
