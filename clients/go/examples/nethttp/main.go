// Nethttp is a search endpoint of a net/http service: its candidates come from the database as
// JSON, the daemon ranks them, and the code that did it before is the fallback.
//
//	go run ./examples/nethttp
//
// and in another terminal, as it has to be built first:
//
//	curl '127.0.0.1:8080/search?q=wing'
//
// It logs which path each call took; the first may be the old one, until the daemon's modes are known.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"sort"
	"strings"
	"time"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
)

// candidates stands for SELECT row_to_json(a) FROM articles a WHERE tsv @@ query LIMIT 1000.
func candidates(context.Context, string) ([]json.RawMessage, error) {
	return []json.RawMessage{
		json.RawMessage(`{"title":"Boats","body":"A hull floats, a sail pulls."}`),
		json.RawMessage(`{"title":"Flight","body":"A wing turns air downward; the wing is pushed up."}`),
		json.RawMessage(`{"title":"Wings","body":"Two of them."}`),
	}, nil
}

// oldRank is what the service had: it counts the words of the query.
func oldRank(query string, rows []json.RawMessage) []hotpathd.ScoreResult {
	var found []hotpathd.ScoreResult
	for i, row := range rows {
		text, score := strings.ToLower(string(row)), 0
		for _, word := range strings.Fields(strings.ToLower(query)) {
			score += strings.Count(text, word)
		}
		found = append(found, hotpathd.ScoreResult{Index: i, Score: float64(score)})
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].Score > found[j].Score })
	return found
}

func search(sidecar *hotpathd.Client) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query().Get("q")
		rows, err := candidates(r.Context(), query)
		if err != nil {
			http.Error(w, "the database failed", http.StatusInternalServerError)
			return
		}
		call := hotpathd.ScoreCall(hotpathd.ScoreRequest{Query: query, Rows: rows, ScoreOptions: hotpathd.ScoreOptions{TopN: 10}},
			func(context.Context) ([]hotpathd.ScoreResult, error) { return oldRank(query, rows), nil })
		call.Key, call.Timeout = query, 100*time.Millisecond
		ranked, err := hotpathd.Do(r.Context(), sidecar, call)
		if err != nil {
			return // the client has gone: oldRank has no error
		}
		best := make([]json.RawMessage, len(ranked))
		for i, result := range ranked {
			best[i] = rows[result.Index]
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(best); err != nil {
			log.Print(err)
		}
	}
}

func main() {
	sidecar := hotpathd.New(hotpathd.Config{Caller: "search/1.0",
		OnCall: func(info hotpathd.CallInfo) { log.Print(info.Path, " ", info.Reason) }})
	defer sidecar.Close()
	http.HandleFunc("/search", search(sidecar))
	fmt.Fprintln(os.Stderr, http.ListenAndServe("127.0.0.1:8080", nil))
}
