package hotpathd

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"
)

var resultBodies = []string{
	`{"results":[],"meta":{}}`,
	`{"results":[{"index":0,"relevance_score":1.25}],"meta":{"documents":1}}`,
	`{"results":[{"index":12,"relevance_score":0},{"index":3,"relevance_score":-1e-7}],"meta":null}`,
	`{"results":[{"index":1,"relevance_score":1e999}],"meta":{}}`,
	`{"results":[{"index":99999999999999999999,"relevance_score":1}],"meta":{}}`,
	`{"results":[{"index":1.0,"relevance_score":1}],"meta":{}}`,
	`{"results":[{"index":01,"relevance_score":1}],"meta":{}}`,
	`{"results":[{"index":-0,"relevance_score":-0.0}],"meta":{}}`,
	`{"results":[{"index":1,"relevance_score":.5}],"meta":{}}`,
	`{"results":[{"index":1,"relevance_score":1.}],"meta":{}}`,
	`{"results":[{"index":1,"relevance_score":0x1p-2}],"meta":{}}`,
	`{"results":[{"index":1,"relevance_score":1,"document":"x"}],"meta":{}}`,
	`{"results":[{"index":1,"relevance_score":1},],"meta":{}}`,
	`{"results":[,{"index":1,"relevance_score":1}],"meta":{}}`,
	`{"results":[{"index":1,"relevance_score":1}],"meta":{},"results":[]}`,
	`{"results":[{"index":1,"relevance_score":1}],"meta":{}}}`,
	`{"results":[{"index":1,"relevance_score":1}],"meta":}`,
	`{"meta":{},"results":[{"relevance_score":1,"index":1}]}`,
	` {"results": [ {"index": 1, "relevance_score": 2.5E+3} ], "meta": {} } `,
}

// checkResults compares with encoding/json: what is read at all is read as it reads it.
func checkResults(t *testing.T, body []byte) {
	t.Helper()
	var want ScoreReply
	wantErr := json.Unmarshal(body, &want)
	got, err := readResults(body)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%q: %v, encoding/json: %v", body, err, wantErr)
	}
	if err == nil && (len(got) != len(want.Results) || len(got) > 0 && !reflect.DeepEqual(got, want.Results)) {
		t.Fatalf("%q: %v, encoding/json: %v", body, got, want.Results)
	}
}

func TestReadsResultsAsEncodingJSONDoes(t *testing.T) {
	for _, body := range resultBodies {
		checkResults(t, []byte(body))
		for n := range body {
			checkResults(t, []byte(body[:n]))
		}
	}
}

func TestReadsTheDaemonsSpellingByItself(t *testing.T) {
	for _, body := range resultBodies[:3] {
		if _, ok := readPlainResults(body); !ok {
			t.Errorf("%s is left to encoding/json", body)
		}
	}
}

func FuzzResults(f *testing.F) {
	for _, body := range resultBodies {
		f.Add([]byte(body))
	}
	f.Fuzz(checkResults)
}

func BenchmarkReadResults(b *testing.B) {
	rng := rand.New(rand.NewSource(1))
	var rows []string
	for i := 0; i < 10000; i++ {
		rows = append(rows, fmt.Sprintf(`{"index":%d,"relevance_score":%v}`, i, rng.Float64()*10))
	}
	body := []byte(`{"results":[` + strings.Join(rows, ",") + `],"meta":{}}`)
	b.Run("ours", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			if _, ok := readPlainResults(string(body)); !ok {
				b.Fatal("it was not read")
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			var reply ScoreReply
			if err := json.Unmarshal(body, &reply); err != nil {
				b.Fatal(err)
			}
		}
	})
}
