package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

const maxDocument = 8 << 20

// upload stores a document and queues it, in one statement: a document that is there is in the queue.
func (a *api) upload(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDocument))
	if err != nil {
		fail(w, http.StatusRequestEntityTooLarge, err)
		return
	}
	if !utf8.Valid(body) {
		fail(w, http.StatusBadRequest, errors.New("the document is not UTF-8"))
		return
	}
	text := strings.ReplaceAll(string(body), "\x00", "") // which PostgreSQL's text cannot hold
	var id int64
	err = a.db.QueryRow(r.Context(), `
		WITH document AS (INSERT INTO documents (body) VALUES ($1) RETURNING id)
		INSERT INTO jobs SELECT id FROM document RETURNING document`, text).Scan(&id)
	if err != nil {
		fail(w, http.StatusInternalServerError, fmt.Errorf("storing a document: %w", err))
		return
	}
	answer(w, http.StatusCreated, map[string]int64{"id": id})
}

type chunk struct {
	Number int    `json:"number"`
	Tokens int    `json:"tokens"`
	Text   string `json:"text"`
}

func (a *api) document(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(strings.TrimPrefix(r.URL.Path, "/documents/"), 10, 64)
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	var status string
	err = a.db.QueryRow(r.Context(), "SELECT status FROM documents WHERE id = $1", id).Scan(&status)
	if errors.Is(err, pgx.ErrNoRows) {
		fail(w, http.StatusNotFound, fmt.Errorf("no document %d", id))
		return
	}
	var chunks []chunk
	if err == nil {
		var rows pgx.Rows
		rows, err = a.db.Query(r.Context(), "SELECT number, tokens, text FROM chunks WHERE document = $1 ORDER BY number", id)
		if err == nil {
			chunks, err = pgx.CollectRows(rows, pgx.RowToStructByPos[chunk])
		}
	}
	if err != nil {
		fail(w, http.StatusInternalServerError, fmt.Errorf("reading document %d: %w", id, err))
		return
	}
	answer(w, http.StatusOK, map[string]any{"id": id, "status": status, "chunks": chunks})
}
