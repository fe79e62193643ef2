package main

import (
	"math"
	"sort"
	"strings"
	"unicode"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
)

// rank is the old code: BM25 over the candidates, as one writes it with strings and maps. It stays; it is the fallback.
func rank(query string, texts []string, topN int) []hotpathd.ScoreResult {
	const k1, b = 1.2, 0.75
	counts := make([]map[string]int, len(texts))
	lengths := make([]int, len(texts))
	df, total := map[string]int{}, 0
	for i, text := range texts {
		counts[i] = map[string]int{}
		for _, word := range words(text) {
			if counts[i][word]++; counts[i][word] == 1 {
				df[word]++
			}
			lengths[i]++
		}
		total += lengths[i]
	}
	average := float64(total) / float64(len(texts))
	results := make([]hotpathd.ScoreResult, len(texts))
	terms := distinct(words(query))
	for i := range texts {
		results[i].Index = i
		for _, term := range terms {
			idf := math.Log(1 + (float64(len(texts))-float64(df[term])+0.5)/(float64(df[term])+0.5))
			f := float64(counts[i][term])
			results[i].Score += idf * f / (f + k1*(1-b+b*float64(lengths[i])/average))
		}
	}
	sort.SliceStable(results, func(i, j int) bool { return results[i].Score > results[j].Score })
	if len(results) > topN {
		results = results[:topN]
	}
	return results
}

func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
}

func distinct(words []string) []string {
	seen := map[string]bool{}
	kept := words[:0]
	for _, word := range words {
		if !seen[word] {
			seen[word], kept = true, append(kept, word)
		}
	}
	return kept
}
