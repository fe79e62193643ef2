package hotpathd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
)

// fakeDaemon answers every chunk request as the daemon answers this one document.
func fakeDaemon() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Hotpath-Contract", "chunk/1")
		io.WriteString(w, `{"text":"One paragraph.\n\nAnother.","unchanged":true,"encoding":"o200k_base","exact":true,
			"tokens":6,"metadata":{"bytes":24,"chars":24},"chunks":[
			{"id":"a","start":0,"end":14,"tokens":3,"source":[0,14],"boundary":"paragraph"},
			{"id":"b","start":16,"end":24,"tokens":2,"source":[16,24],"boundary":"document"}]}`)
	}))
}

// oldSplit is the code that the service had before.
func oldSplit(doc string) []string { return strings.Split(doc, "\n\n") }

func ExampleDo() {
	daemon := fakeDaemon()
	defer daemon.Close()
	sidecar := hotpathd.New(hotpathd.Config{URL: daemon.URL, Modes: map[string]hotpathd.Mode{"chunk": "on"}})
	defer sidecar.Close()

	doc := "One paragraph.\n\nAnother."
	reply, err := hotpathd.Do(context.Background(), sidecar, hotpathd.Call[hotpathd.ChunkReply]{
		Route: "chunk",
		Body:  hotpathd.ChunkRequest{Text: doc, Offsets: "byte", Chunk: &hotpathd.ChunkOptions{Max: 4}},
		Legacy: func(context.Context) (hotpathd.ChunkReply, error) {
			return hotpathd.ChunkReply{}, nil // the old code
		},
		Timeout: time.Second,
	})
	if err != nil {
		fmt.Println("the old code failed:", err)
		return
	}
	for _, chunk := range reply.Chunks {
		fmt.Printf("%d tokens: %q\n", chunk.Tokens, reply.Text[chunk.Start:chunk.End])
	}
	// Output:
	// 3 tokens: "One paragraph."
	// 2 tokens: "Another."
}

// A daemon that is not there costs nothing but the look.
func ExampleDo_fallback() {
	sidecar := hotpathd.New(hotpathd.Config{
		URL:   "unix:/nowhere/hotpathd.sock",
		Modes: map[string]hotpathd.Mode{"chunk": "on"},
		OnCall: func(info hotpathd.CallInfo) {
			fmt.Println(info.Outcome, info.Reason, info.Path)
		},
	})
	defer sidecar.Close()

	doc := "One paragraph.\n\nAnother."
	parts, err := hotpathd.Do(context.Background(), sidecar, hotpathd.Call[[]string]{
		Route:  "chunk",
		Body:   hotpathd.ChunkRequest{Text: doc},
		Legacy: func(context.Context) ([]string, error) { return oldSplit(doc), nil },
	})
	fmt.Println(len(parts), err)
	// Output:
	// fallback connect legacy
	// 2 <nil>
}

// Settings that make no sense never stop a service: calls take the old path, and Err says why.
func ExampleConfig() {
	sidecar := hotpathd.New(hotpathd.Config{URL: "tcp://127.0.0.1:8377"})
	defer sidecar.Close()
	fmt.Println(sidecar.Err())
	// Output: hotpathd: URL "tcp://127.0.0.1:8377" is neither http://host:port nor unix:path
}

// The two routes as calls whose results are pieces of text, and ranked documents.
func ExampleChunkCall() {
	daemon := fakeDaemon()
	defer daemon.Close()
	sidecar := hotpathd.New(hotpathd.Config{URL: daemon.URL, Modes: map[string]hotpathd.Mode{"chunk": "on"}})
	defer sidecar.Close()

	doc := "One paragraph.\n\nAnother."
	call := hotpathd.ChunkCall(hotpathd.ChunkRequest{Text: doc}, func(context.Context) ([]hotpathd.Piece, error) {
		var pieces []hotpathd.Piece
		for _, text := range oldSplit(doc) {
			pieces = append(pieces, hotpathd.Piece{Text: text})
		}
		return pieces, nil
	})
	call.Key, call.Timeout = "doc-1", time.Second
	pieces, err := hotpathd.Do(context.Background(), sidecar, call)
	for _, piece := range pieces {
		fmt.Printf("%q from %v\n", piece.Text, piece.Source)
	}
	fmt.Println(err)
	// Output:
	// "One paragraph." from [0 14]
	// "Another." from [16 24]
	// <nil>
}

// Candidates that the database gives as JSON, as by SELECT row_to_json(a) FROM articles a, are sent as they are.
func ExampleScoreCall() {
	sidecar := hotpathd.New(hotpathd.Config{URL: "unix:/nowhere", Modes: map[string]hotpathd.Mode{"score": "on"}})
	defer sidecar.Close()

	rows := []json.RawMessage{
		json.RawMessage(`{"title":"Boats","body":"Hulls and sails."}`),
		json.RawMessage(`{"title":"Wings","body":"A wing lifts."}`),
	}
	call := hotpathd.ScoreCall(hotpathd.ScoreRequest{Query: "wing", Rows: rows, ScoreOptions: hotpathd.ScoreOptions{
		TopN: 10, Fields: map[string]float64{"title": 2, "body": 1},
	}}, func(context.Context) ([]hotpathd.ScoreResult, error) {
		return []hotpathd.ScoreResult{{Index: 1}, {Index: 0}}, nil // the old code's order
	})
	call.Key, call.Timeout = "user-1", 100*time.Millisecond
	results, err := hotpathd.Do(context.Background(), sidecar, call)
	for _, result := range results {
		fmt.Printf("%s\n", rows[result.Index])
	}
	fmt.Println(err)
	// Output:
	// {"title":"Wings","body":"A wing lifts."}
	// {"title":"Boats","body":"Hulls and sails."}
	// <nil>
}

// A baseline of the old code, before any daemon is there: no route is pinned to anything, nothing
// is polled, and each call leaves its times and its CPU time behind.
func ExampleConfig_baseline() {
	folder, err := os.MkdirTemp("", "baseline")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "baseline.jsonl")
	sidecar := hotpathd.New(hotpathd.Config{Modes: map[string]hotpathd.Mode{}, Events: path})
	doc := "One paragraph.\n\nAnother."
	parts, err := hotpathd.Do(context.Background(), sidecar, hotpathd.Call[[]string]{
		Route:  "chunk",
		Legacy: func(context.Context) ([]string, error) { return oldSplit(doc), nil },
	})
	fmt.Println(len(parts), err)
	sidecar.Close() // writes what waits

	var event hotpathd.Event
	line, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(line, &event)
	}
	fmt.Println(event.Mode, event.Outcome, event.LegacyMs != nil, err)
	// Output:
	// 2 <nil>
	// off legacy true <nil>
}
