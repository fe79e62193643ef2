package hotpathd

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Ranked results as the daemon spells them: ten thousand of them by encoding/json take longer than
// it took to rank them. Any other spelling is left to encoding/json.

func readResults(body []byte) ([]ScoreResult, error) {
	if results, ok := readPlainResults(string(body)); ok {
		return results, nil
	}
	var reply ScoreReply
	err := json.Unmarshal(body, &reply)
	return reply.Results, err
}

const (
	beforeResults = `{"results":[`
	beforeIndex   = `{"index":`
	beforeScore   = `,"relevance_score":`
	beforeMeta    = `],"meta":`
)

// readPlainResults is false for what it does not know: nothing is said of whether that is right.
func readPlainResults(body string) ([]ScoreResult, bool) {
	text := plain{body, true}
	text.word(beforeResults)
	results := make([]ScoreResult, 0, strings.Count(body, beforeIndex))
	for text.ok && !strings.HasPrefix(text.rest, beforeMeta) {
		if len(results) > 0 {
			text.word(",")
		}
		results = append(results, text.result())
	}
	text.word(beforeMeta)
	end := len(text.rest) - 1
	return results, text.ok && end > 0 && text.rest[end] == '}' && json.Valid([]byte(text.rest[:end]))
}

// plain is text that is taken from the front, until something else is there than was expected.
type plain struct {
	rest string
	ok   bool
}

func (p *plain) word(word string) {
	if p.ok = p.ok && strings.HasPrefix(p.rest, word); p.ok {
		p.rest = p.rest[len(word):]
	}
}

func (p *plain) result() (r ScoreResult) {
	var notInt, notFloat error
	p.word(beforeIndex)
	r.Index, notInt = strconv.Atoi(p.number())
	p.word(beforeScore)
	r.Score, notFloat = strconv.ParseFloat(p.number(), 64)
	p.word("}")
	p.ok = p.ok && notInt == nil && notFloat == nil
	return r
}

// number takes what JSON has as one, which is less than strconv takes; its value is for strconv.
func (p *plain) number() string {
	n := 0
	has := func(set string) bool {
		if n < len(p.rest) && strings.IndexByte(set, p.rest[n]) >= 0 {
			n++
			return true
		}
		return false
	}
	digits := func() bool {
		from := n
		for n < len(p.rest) && p.rest[n] >= '0' && p.rest[n] <= '9' {
			n++
		}
		return n > from
	}
	has("-")
	p.ok = p.ok && (has("0") || digits())
	if has(".") {
		p.ok = digits() && p.ok
	}
	if has("eE") {
		has("+-")
		p.ok = digits() && p.ok
	}
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	return taken
}
