// Two ways in which a Go service ranks candidates by itself, timed: what people write (Fields, ToLower, maps), and what
// one arrives at by tuning (bytes, query words only, stems cached by surface, no map per document); and, where the daemon's
// socket and pid are given, what the service does instead, the daemon's CPU counted in: net/http with json.Marshal and json.Unmarshal, the Go
// client's ScoreCall with strings (helper), and with rows that are JSON already (rows).
// Reads {"query", "documents", "rounds", "socket", "pid"} from standard input, prints {"typical": [[cpu ms, wall ms]...], ...}.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
	"github.com/kljensen/snowball/english"
)

type request struct {
	Query     string   `json:"query"`
	Documents []string `json:"documents"`
	Rounds    int      `json:"rounds"`
	Socket    string   `json:"socket"`
	PID       int      `json:"pid"`
}

type scored struct {
	index int
	score float64
}

const k1, b = 1.2, 0.75

func idf(n, df int) float64 {
	return math.Log(1 + (float64(n)-float64(df)+0.5)/(float64(df)+0.5))
}

func best(scores []float64) []scored {
	out := make([]scored, len(scores))
	for i, s := range scores {
		out[i] = scored{i, s}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].score > out[j].score })
	return out[:min(20, len(out))]
}

// typical has no stems: with them it would be several times slower still.
func typical(query string, documents []string) []scored {
	split := func(s string) []string {
		return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	}
	counts := make([]map[string]int, len(documents))
	lengths := make([]int, len(documents))
	df, total := map[string]int{}, 0
	for i, doc := range documents {
		words := split(doc)
		counts[i], lengths[i] = map[string]int{}, len(words)
		total += len(words)
		for _, w := range words {
			counts[i][w]++
		}
		for w := range counts[i] {
			df[w]++
		}
	}
	average := float64(total) / float64(len(documents))
	scores := make([]float64, len(documents))
	for _, q := range split(query) {
		for i := range documents {
			f := float64(counts[i][q])
			scores[i] += idf(len(documents), df[q]) * f / (f + k1*(1-b+b*float64(lengths[i])/average))
		}
	}
	return best(scores)
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

func tuned(query string, documents []string) []scored {
	var terms []string
	var heads [256]bool
	for _, w := range strings.Fields(query) {
		stem := english.Stem(strings.ToLower(w), false)
		terms = append(terms, stem)
		heads[stem[0]], heads[stem[0]-32] = true, true
	}
	known := map[string]int{}
	counts := make([]int, len(documents)*len(terms))
	lengths := make([]int, len(documents))
	total := 0
	for i, doc := range documents {
		for at := 0; at < len(doc); {
			if !isWord(doc[at]) {
				at++
				continue
			}
			start := at
			for at < len(doc) && isWord(doc[at]) {
				at++
			}
			lengths[i]++
			if !heads[doc[start]] {
				continue
			}
			term, seen := known[doc[start:at]]
			if !seen {
				term = -1
				stem := english.Stem(strings.ToLower(doc[start:at]), false)
				for t := range terms {
					if terms[t] == stem {
						term = t
					}
				}
				known[doc[start:at]] = term
			}
			if term >= 0 {
				counts[i*len(terms)+term]++
			}
		}
		total += lengths[i]
	}
	average := float64(total) / float64(len(documents))
	scores := make([]float64, len(documents))
	for t := range terms {
		df := 0
		for i := range documents {
			if counts[i*len(terms)+t] > 0 {
				df++
			}
		}
		for i := range documents {
			f := float64(counts[i*len(terms)+t])
			scores[i] += idf(len(documents), df) * f / (f + k1*(1-b+b*float64(lengths[i])/average))
		}
	}
	return best(scores)
}

// netHTTP asks the daemon by what the standard library has.
func netHTTP(r request) func(string, []string) []scored {
	client := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", r.Socket)
	}}}
	return func(query string, documents []string) []scored {
		body, err := json.Marshal(map[string]any{"query": query, "documents": documents, "top_n": 20})
		must(err)
		reply, err := client.Post("http://localhost/v1/score", "application/json", bytes.NewReader(body))
		must(err)
		defer reply.Body.Close()
		answer, err := io.ReadAll(reply.Body)
		must(err)
		if reply.StatusCode != http.StatusOK {
			must(fmt.Errorf("%s: %s", reply.Status, answer))
		}
		var found hotpathd.ScoreReply
		must(json.Unmarshal(answer, &found))
		return ranked(found.Results)
	}
}

// helper asks it by the Go client; request makes the body of a call.
func helper(r request, request func(string, []string) hotpathd.ScoreRequest) func(string, []string) []scored {
	client := hotpathd.New(hotpathd.Config{URL: "unix:" + r.Socket, Modes: map[string]hotpathd.Mode{"score": hotpathd.ModeOn}})
	must(client.Err())
	return func(query string, documents []string) []scored {
		call := hotpathd.ScoreCall(request(query, documents), func(context.Context) ([]hotpathd.ScoreResult, error) {
			return nil, errors.New("the sidecar did not answer")
		})
		call.Timeout = 10 * time.Second
		results, err := hotpathd.Do(context.Background(), client, call)
		must(err)
		return ranked(results)
	}
}

func ofStrings(query string, documents []string) hotpathd.ScoreRequest {
	return hotpathd.ScoreRequest{Query: query, Documents: documents, ScoreOptions: hotpathd.ScoreOptions{TopN: 20}}
}

// ofRows are the candidates as a database gives them that was asked for JSON.
func ofRows(r request) func(string, []string) hotpathd.ScoreRequest {
	var rows []json.RawMessage
	for _, document := range r.Documents {
		row, err := json.Marshal(document)
		must(err)
		rows = append(rows, row)
	}
	return func(query string, _ []string) hotpathd.ScoreRequest {
		return hotpathd.ScoreRequest{Query: query, Rows: rows, ScoreOptions: hotpathd.ScoreOptions{TopN: 20}}
	}
}

func ranked(results []hotpathd.ScoreResult) []scored {
	out := make([]scored, len(results))
	for i, r := range results {
		out[i] = scored{r.Index, r.Score}
	}
	return out
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// daemonCPU is what all threads of the daemon have used.
func daemonCPU(pid int) (sum time.Duration) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		must(err)
		ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		must(err)
		sum += time.Duration(ns)
	}
	return sum
}

// cpu is what all threads of this process have used, the collector's among them.
func cpu() time.Duration {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func ms(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}

// once gives CPU and wall clock of one call, in ms.
func once(r request, rank func(string, []string) []scored) [2]float64 {
	theirs := daemonCPU(r.PID)
	from, used := time.Now(), cpu()
	rank(r.Query, r.Documents)
	took, own := time.Since(from), cpu()-used
	return [2]float64{ms(own + daemonCPU(r.PID) - theirs), ms(took)}
}

const calls = 5 // in a row

func main() {
	var r request
	must(json.NewDecoder(os.Stdin).Decode(&r))
	contestants := map[string]func(string, []string) []scored{"typical": typical, "tuned": tuned}
	if r.Socket != "" {
		contestants["net/http"] = netHTTP(r)
		contestants["helper"] = helper(r, ofStrings)
		contestants["rows"] = helper(r, ofRows(r))
	}
	out := map[string][][2]float64{}
	for i := 0; i < r.Rounds; i += calls { // in turns, whose order is another each time
		for name, rank := range contestants {
			runtime.GC() // each pays for its own garbage, as far as a row of calls makes any, and for no one else's
			for range [calls]int{} {
				out[name] = append(out[name], once(r, rank))
			}
		}
	}
	must(json.NewEncoder(os.Stdout).Encode(out))
}
