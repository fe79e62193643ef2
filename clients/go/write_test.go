package hotpathd

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkString compares with encoding/json, which reads what we write.
func checkString(t *testing.T, text string) {
	t.Helper()
	got, ok := appendString([]byte("x"), text)
	if ok != utf8.ValidString(text) {
		t.Fatalf("%q: taken %v", text, ok)
	}
	if !ok {
		return
	}
	var back string
	if err := json.Unmarshal(got[1:], &back); err != nil || back != text {
		t.Fatalf("%q became %q, which reads %q (%v)", text, got[1:], back, err)
	}
}

func TestStringsReadBackWhateverTheyHold(t *testing.T) {
	for c := rune(0); c < 0x300; c++ {
		for at := 0; at < 20; at++ { // in each place of eight bytes, and behind them
			checkString(t, strings.Repeat("a", at)+string(c)+strings.Repeat("b", 19-at))
		}
	}
	for first := 0; first < 256; first++ {
		for second := 0; second < 256; second++ { // a borrow runs from one byte into the next
			checkString(t, string([]byte{byte(first), byte(second), 'a', 'b', 'c', 'd', 'e', 'f'}))
		}
	}
	checkString(t, "😀\u2028\u2029\ufeff\U0010ffff")
}

func FuzzStrings(f *testing.F) {
	f.Add("a \"quote\" and \\ and \x00 \xff é 😀 and some more to fill eight")
	f.Fuzz(checkString)
}

func TestScoreRequestsAreTheContracts(t *testing.T) {
	weight, k1 := 0.0, 1.5
	for _, test := range []struct {
		request ScoreRequest
		want    string
	}{
		{ScoreRequest{Query: "q"}, `{"query":"q","documents":[]}`},
		{ScoreRequest{Query: "a \"b\"", Documents: []string{"x", "é\n"}}, `{"query":"a \"b\"","documents":["x","é\n"]}`},
		{ScoreRequest{Query: "q", Objects: []map[string]string{{"t": "x"}, {}}}, `{"query":"q","documents":[{"t":"x"},{}]}`},
		{
			ScoreRequest{"q", []string{"x"}, nil, nil, ScoreOptions{TopN: 3, Fields: map[string]float64{"t": 2}, Analyzer: "porter",
				BM25: &BM25{K1: &k1}, Stats: &ScoreStats{Docs: 9, AvgLen: 3.5, DF: map[string]int{"x": 1}}, Priors: []float64{1},
				PriorWeight: &weight, Fusion: "rrf", Match: 2, Must: []string{"m"}, MustNot: []string{"n"}, MinScore: &weight,
				Explain: true, ReturnDocuments: true}},
			`{"query":"q","documents":["x"],"top_n":3,"fields":{"t":2},"analyzer":"porter","bm25":{"k1":1.5},` +
				`"stats":{"docs":9,"avg_len":3.5,"df":{"x":1}},"priors":[1],"prior_weight":0,"fusion":"rrf","match":2,` +
				`"must":["m"],"must_not":["n"],"min_score":0,"explain":true,"return_documents":true}`,
		},
	} {
		for _, body := range []any{test.request, &test.request} {
			if got, err := encode(body, new([]byte)); err != nil || string(got) != test.want {
				t.Errorf("got  %s (%v)\nwant %s", got, err, test.want)
			}
		}
	}
	for _, bad := range []ScoreRequest{
		{Query: "\xff"}, {Query: "q", Documents: []string{"a", "\xff"}}, {Query: "q", Objects: []map[string]string{{"\xff": ""}}},
		{Query: "q", Objects: []map[string]string{{"a": "\xff"}}},
	} {
		if _, err := encode(bad, new([]byte)); err != errNotUTF8 {
			t.Errorf("%+v is taken", bad)
		}
	}
}

func TestScoreCallsGiveRankedDocuments(t *testing.T) {
	body := `{"results":[{"index":1,"relevance_score":0.5},{"index":0,"relevance_score":0.25}],"meta":{}}`
	server := serveFaults(t, "tcp", answerAll(strings.Replace(okReply(body), "chunk/1", "score/1", 1)))
	client := New(Config{URL: server.url, Modes: map[string]Mode{"score": ModeOn}})
	t.Cleanup(client.Close)
	c := ScoreCall(ScoreRequest{Query: "q", Documents: []string{"a", "b"}}, nil)
	c.Legacy = noResults
	got, err := Do(background, client, c)
	if want := []ScoreResult{{Index: 1, Score: 0.5}, {Index: 0, Score: 0.25}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestChunkCallsGiveTexts(t *testing.T) {
	body := `{"text":"naïve text","chunks":[{"id":"a","start":0,"end":6,"tokens":2,"source":[0,6],"boundary":"word"},
		{"id":"b","start":7,"end":11,"tokens":1,"source":[8,12],"boundary":"document"}]}`
	server := serveFaults(t, "tcp", answerAll(okReply(body)))
	client, _ := on(t, server.url)
	got, err := Do(background, client, ChunkCall(ChunkRequest{Text: "naïve  text"}, noPieces))
	if err != nil || len(got) != 2 || got[0].Text != "naïve" || got[1].Text != "text" || got[1].Source != [2]int{8, 12} {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{`{"text":"a","chunks":[{"start":0,"end":2}]}`, `{"text":"a","chunks":[{"start":-1,"end":1}]}`,
		`{"text":"abc","chunks":[{"start":2,"end":1}]}`, `{"chunks":[]}`, `{"unchanged":false,"chunks":[]}`, `{"unchanged":true}`,
		`{"text":"abc"}`, `{"text":"abc","chunks":null}`, `{}`, `{"unchanged":true,"chunks":[{"start":0,"end":5}]}`, `{"text":"abc","chunks":[{}]}`} {
		if _, err := readPieces([]byte(bad), "sent"); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestPiecesAreCutOfTheTextThatWasSentWhereItIsUnchanged(t *testing.T) {
	for body, want := range map[string]string{
		`{"unchanged":true,"chunks":[{"start":1,"end":3}]}`:                 "en",
		`{"unchanged":true,"text":"other","chunks":[{"start":1,"end":3}]}`:  "th",
		`{"unchanged":false,"text":"other","chunks":[{"start":1,"end":3}]}`: "th",
	} {
		got, err := readPieces([]byte(body), "sent")
		if err != nil || len(got) != 1 || got[0].Text != want {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}

func benchScore() ScoreRequest {
	request := ScoreRequest{Query: "wing lift", ScoreOptions: ScoreOptions{TopN: 20}}
	for i := 0; i < 1000; i++ {
		request.Documents = append(request.Documents, strings.Repeat("a wing turns moving air downward, and is pushed up. ", 22))
	}
	return request
}

func BenchmarkWriteScore(b *testing.B) {
	request := benchScore()
	plain := struct {
		Query     string   `json:"query"`
		Documents []string `json:"documents"`
	}{request.Query, request.Documents}
	b.Run("ours", func(b *testing.B) {
		var room []byte // as from the pool
		for i := 0; i < b.N; i++ {
			body, _ := encode(request, &room)
			b.SetBytes(int64(len(body)))
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			body, _ := json.Marshal(plain)
			b.SetBytes(int64(len(body)))
		}
	})
}
