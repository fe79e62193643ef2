package langchaingo

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/textsplitter"
)

const document = "One paragraph.\n\nAnother."

// daemon answers every request as the daemon answers this document.
func daemon(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Hotpath-Contract", "chunk/1")
		io.WriteString(w, `{"text":"One paragraph.\n\nAnother.","chunks":[{"start":0,"end":14},{"start":16,"end":24}]}`)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func client(t *testing.T, url string, last *hotpathd.CallInfo) *hotpathd.Client {
	c := hotpathd.New(hotpathd.Config{URL: url, Modes: map[string]hotpathd.Mode{"chunk": "on"},
		OnCall: func(info hotpathd.CallInfo) { *last = info }})
	t.Cleanup(c.Close)
	return c
}

func TestSplitsDocumentsOfLangchaingo(t *testing.T) {
	var last hotpathd.CallInfo
	splitter := Splitter{Sidecar: client(t, daemon(t), &last), Legacy: textsplitter.NewRecursiveCharacter()}
	got, err := textsplitter.SplitDocuments(splitter, []schema.Document{{PageContent: document, Metadata: map[string]any{"page": 7}}})
	if err != nil || len(got) != 2 || last.Path != hotpathd.PathSidecar {
		t.Fatalf("%v, %v, by the %s path (%v)", got, err, last.Path, last.Err)
	}
	if got[0].PageContent != "One paragraph." || got[1].PageContent != "Another." || got[1].Metadata["page"] != 7 {
		t.Errorf("%v", got)
	}
}

func TestWithoutTheDaemonTheOldSplitterSplits(t *testing.T) {
	var last hotpathd.CallInfo
	old := textsplitter.NewRecursiveCharacter(textsplitter.WithChunkSize(16), textsplitter.WithChunkOverlap(0))
	want, err := old.SplitText(document)
	if err != nil || len(want) != 2 {
		t.Fatal(want, err)
	}
	splitter := Splitter{Sidecar: client(t, "unix:/nowhere/s", &last), Legacy: old, Key: func(string) string { return "doc-1" }}
	got, err := splitter.SplitText(document)
	if err != nil || !reflect.DeepEqual(got, want) || last.Outcome != hotpathd.OutcomeFallback {
		t.Errorf("%q, %v, outcome %s, want %q", got, err, last.Outcome, want)
	}
}

type broken struct{ err error }

func (b broken) SplitText(string) ([]string, error) { return nil, b.err }

func TestTheErrorIsTheOldSplitters(t *testing.T) {
	var last hotpathd.CallInfo
	mine := errors.New("mine")
	if _, err := (Splitter{Sidecar: client(t, "unix:/nowhere/s", &last), Legacy: broken{mine}}).SplitText("x"); err != mine {
		t.Error(err)
	}
}
