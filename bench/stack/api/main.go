// Api is the Go half of the stack: it takes documents, says what became of them, and searches their chunks.
//
//	POST /documents        the text as the body; 201 {"id": 1}
//	GET  /documents/{id}   {"id": 1, "status": "done", "chunks": [...]}
//	GET  /search?q=        {"results": [{"document": 1, "number": 3, "score": 2.5, "text": "..."}, ...]}
//
// Its settings are the environment's: DATABASE (a PostgreSQL connection string), LISTEN (a Unix socket's path), and those of
// the hotpathd client.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
	"github.com/jackc/pgx/v5/pgxpool"
)

type api struct {
	db      *pgxpool.Pool
	sidecar *hotpathd.Client
}

func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/documents", only(http.MethodPost, a.upload))
	mux.HandleFunc("/documents/", only(http.MethodGet, a.document))
	mux.HandleFunc("/search", only(http.MethodGet, a.search))
	return mux
}

func only(method string, handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method {
			w.Header().Set("Allow", method)
			fail(w, http.StatusMethodNotAllowed, errors.New(r.Method+" "+r.URL.Path))
			return
		}
		handle(w, r)
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print("a reply was not written: ", err) // the caller has gone
	}
}

func fail(w http.ResponseWriter, status int, err error) {
	log.Print(err)
	answer(w, status, map[string]string{"error": err.Error()})
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	db, err := pgxpool.New(ctx, os.Getenv("DATABASE"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	sidecar := hotpathd.New(hotpathd.Config{Caller: "api/1.0", PollInterval: time.Second})
	defer sidecar.Close()
	if err := sidecar.Err(); err != nil {
		log.Print("without the sidecar: ", err)
	}

	listener, err := net.Listen("unix", os.Getenv("LISTEN"))
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: (&api{db, sidecar}).routes(), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(last); err != nil {
			log.Print("calls under way were cut off: ", err)
		}
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	<-ended
}
