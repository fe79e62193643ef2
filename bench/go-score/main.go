// Two ways in which a Go service ranks candidates by itself, timed: what people write (Fields, ToLower, maps), and what
// one arrives at by tuning (bytes, query words only, stems cached by surface, no map per document); and, where the daemon's
// socket and pid are given, what the service does instead: a body (by json.Marshal, or written by hand), one request,
// json.Unmarshal, the daemon's CPU counted in.
// Reads {"query", "documents", "rounds", "socket", "pid"} from standard input, prints {"typical": [[cpu ms, wall ms]...], ...}.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

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

func marshaled(query string, documents []string) []byte {
	body, err := json.Marshal(map[string]any{"query": query, "documents": documents, "top_n": 20})
	must(err)
	return body
}

// appendString copies what needs no escape as it stands; s is valid UTF-8.
func appendString(out []byte, s string) []byte {
	out = append(out, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			out = fmt.Appendf(append(out, s[from:i]...), `\u%04x`, c)
			from = i + 1
		}
	}
	return append(append(out, s[from:]...), '"')
}

func written(query string, documents []string) []byte {
	size := len(query) + 100
	for _, d := range documents {
		size += len(d) + len(d)/16 + 3
	}
	out := appendString(append(make([]byte, 0, size), `{"top_n":20,"query":`...), query)
	out = append(out, `,"documents":[`...)
	for i, d := range documents {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendString(out, d)
	}
	return append(out, "]}"...)
}

// sidecar asks the daemon.
func sidecar(socket string, encode func(string, []string) []byte) func(string, []string) []scored {
	client := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", socket)
	}}}
	return func(query string, documents []string) []scored {
		body := bytes.NewReader(encode(query, documents))
		reply, err := client.Post("http://localhost/v1/score", "application/json", body)
		must(err)
		defer reply.Body.Close()
		answer, err := io.ReadAll(reply.Body)
		must(err)
		var found struct {
			Results []struct {
				Index int     `json:"index"`
				Score float64 `json:"relevance_score"`
			} `json:"results"`
		}
		must(json.Unmarshal(answer, &found))
		if reply.StatusCode != http.StatusOK {
			must(fmt.Errorf("%s: %s", reply.Status, answer))
		}
		var out []scored
		for _, r := range found.Results {
			out = append(out, scored{r.Index, r.Score})
		}
		return out
	}
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
func once(r request, pid int, rank func(string, []string) []scored) [2]float64 {
	theirs := daemonCPU(pid)
	from, used := time.Now(), cpu()
	rank(r.Query, r.Documents)
	took, own := time.Since(from), cpu()-used
	return [2]float64{ms(own + daemonCPU(pid) - theirs), ms(took)}
}

func main() {
	var r request
	must(json.NewDecoder(os.Stdin).Decode(&r))
	out := map[string][][2]float64{}
	ask, askWritten := sidecar(r.Socket, marshaled), sidecar(r.Socket, written)
	for i := 0; i < r.Rounds; i++ { // in turns
		out["typical"] = append(out["typical"], once(r, 0, typical))
		out["tuned"] = append(out["tuned"], once(r, 0, tuned))
		if r.Socket != "" {
			out["sidecar"] = append(out["sidecar"], once(r, r.PID, ask))
			out["written"] = append(out["written"], once(r, r.PID, askWritten))
		}
	}
	must(json.NewEncoder(os.Stdout).Encode(out))
}
