// Two ways in which a Go service ranks candidates by itself, timed: what people write (Fields, ToLower, maps), and what
// one arrives at by tuning (bytes, query words only, stems cached by surface, no map per document). Reads
// {"query", "documents", "rounds"} from standard input, prints {"typical": [[cpu ms, wall ms]...], "tuned": ...}.
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"
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

// cpu is what all threads of this process have used, the collector's among them.
func cpu() time.Duration {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func ms(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}

// measure gives CPU and wall clock of each round, in ms.
func measure(r request, rank func(string, []string) []scored) [][2]float64 {
	var out [][2]float64
	for i := 0; i < r.Rounds; i++ {
		from, used := time.Now(), cpu()
		rank(r.Query, r.Documents)
		out = append(out, [2]float64{ms(cpu() - used), ms(time.Since(from))})
	}
	return out
}

func main() {
	var r request
	if err := json.NewDecoder(os.Stdin).Decode(&r); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(map[string][][2]float64{"typical": measure(r, typical), "tuned": measure(r, tuned)})
}
