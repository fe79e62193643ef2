package main

import (
	"context"
	"fmt"
	"net/http"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
	"github.com/jackc/pgx/v5"
)

const (
	candidates = 50
	topN       = 10
)

type hit struct {
	Document int64   `json:"document"`
	Number   int     `json:"number"`
	Text     string  `json:"text"`
	Score    float64 `json:"score" db:"-"`
}

// search: the database finds the chunks that hold a word of the query, and the API ranks them.
func (a *api) search(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query().Get("q")
	found, err := a.find(r.Context(), query)
	if err != nil {
		fail(w, http.StatusInternalServerError, fmt.Errorf("searching: %w", err))
		return
	}
	ranked, err := a.rank(r.Context(), query, found)
	if err != nil { // of the old code, or the caller has gone
		fail(w, http.StatusInternalServerError, fmt.Errorf("ranking: %w", err))
		return
	}
	results := make([]hit, 0, len(ranked))
	for _, result := range ranked {
		best := found[result.Index]
		best.Score = result.Score
		results = append(results, best)
	}
	answer(w, http.StatusOK, map[string]any{"results": results})
}

func (a *api) find(ctx context.Context, query string) ([]hit, error) {
	rows, err := a.db.Query(ctx, `
		SELECT document, number, text FROM chunks
		WHERE search @@ replace(plainto_tsquery('english', $1)::text, '&', '|')::tsquery
		LIMIT $2`, query, candidates)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[hit])
}

// rank is where the sidecar comes in: the old code is Legacy, and nothing else changes.
func (a *api) rank(ctx context.Context, query string, found []hit) ([]hotpathd.ScoreResult, error) {
	if len(found) == 0 {
		return nil, nil
	}
	texts := make([]string, len(found))
	for i, hit := range found {
		texts[i] = hit.Text
	}
	call := hotpathd.ScoreCall(
		hotpathd.ScoreRequest{Query: query, Documents: texts, ScoreOptions: hotpathd.ScoreOptions{TopN: topN, Analyzer: "simple"}},
		func(context.Context) ([]hotpathd.ScoreResult, error) { return rank(query, texts, topN), nil })
	call.Key, call.Compare = query, sameBest // its timeout is the configuration's deadline_ms
	return hotpathd.Do(ctx, a.sidecar, call)
}

// sameBest: as good is who finds eight of ten. The two cut words a little differently (don't, 3.14).
func sameBest(legacy, sidecar []hotpathd.ScoreResult) bool {
	there := map[int]bool{}
	for _, result := range legacy {
		there[result.Index] = true
	}
	same := 0
	for _, result := range sidecar {
		if there[result.Index] {
			same++
		}
	}
	return len(legacy) == len(sidecar) && 10*same >= 8*len(legacy)
}
