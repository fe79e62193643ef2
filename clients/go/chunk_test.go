package hotpathd

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestChunkRequestsLeaveOutWhatIsNotSet(t *testing.T) {
	for _, test := range []struct {
		request ChunkRequest
		want    string
	}{
		{ChunkRequest{}, `{"text":""}`},
		{ChunkRequest{Text: "<a> & é\u2028\x00\\"}, "{\"text\":\"<a> & é\u2028\\u0000\\\\\"}"},
		{ChunkRequest{Chunk: &ChunkOptions{}}, `{"text":"","chunk":{}}`},
		{ChunkRequest{Chunk: &ChunkOptions{None: true, Max: 7}}, `{"text":"","chunk":null}`},
		{ChunkRequest{Clean: &Clean{Preset: "none", Mojibake: SwitchOn}}, `{"text":"","clean":"none"}`},
		{ChunkRequest{Clean: &Clean{}}, `{"text":"","clean":{}}`},
		{ChunkRequest{Preset: "my-wiki"}, `{"text":"","preset":"my-wiki"}`},
		{
			ChunkRequest{
				Text: "t", Format: "markdown", Encoding: "cl100k_base", Offsets: "utf16", ReturnText: "never",
				Chunk: &ChunkOptions{Max: 100, Overlap: 10, Min: 5, Unit: "chars"},
				Clean: &Clean{Normalization: "nfkc", Mojibake: SwitchOff, Hyphenation: SwitchOn},
			},
			`{"text":"t","format":"markdown","clean":{"normalization":"nfkc","mojibake":false,"hyphenation":true},` +
				`"chunk":{"max":100,"overlap":10,"min":5,"unit":"chars"},` +
				`"encoding":"cl100k_base","offsets":"utf16","return_text":"never"}`,
		},
	} {
		got, err := encode(test.request, new([]byte))
		if err != nil || string(got) != test.want {
			t.Errorf("got  %s (%v)\nwant %s", got, err, test.want)
		}
	}
}

func TestChunkRequestsOnlyWriteNamesOfTheContract(t *testing.T) {
	contract := map[reflect.Type][]string{
		reflect.TypeOf(ChunkRequest{}): {"text", "format", "clean", "chunk", "encoding", "offsets", "return_text", "preset"},
		reflect.TypeOf(ChunkOptions{}): {"max", "overlap", "min", "unit"},
		reflect.TypeOf(Clean{}): {"normalization", "mojibake", "controls", "line_endings", "spaces", "blank_runs",
			"hyphenation", "ligatures", "join_lines", "repeated_lines"},
	}
	for kind, want := range contract {
		var got []string
		for i := 0; i < kind.NumField(); i++ {
			if name := jsonName(kind.Field(i)); name != "-" {
				got = append(got, name)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v writes %v, want %v", kind, got, want)
		}
	}
}

func jsonName(field reflect.StructField) string {
	name := field.Tag.Get("json")
	for i := range name {
		if name[i] == ',' {
			return name[:i]
		}
	}
	return name
}

func TestARequestMayBeGivenByPointerAndIsCheckedJustSo(t *testing.T) {
	if _, err := encode(&ChunkRequest{Text: "\xff"}, new([]byte)); err != errNotUTF8 {
		t.Error("invalid UTF-8 would have been replaced in silence: ", err)
	}
}

func TestRawJSONGoesOutAsItIs(t *testing.T) {
	raw := json.RawMessage("{ \"text\" : \"<\" }\n\n")
	if got, err := encode(raw, new([]byte)); err != nil || string(got) != string(raw) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAChunkReplyIsReadInFull(t *testing.T) {
	const body = `{"text":"A b","unchanged":true,"encoding":"o200k_base","exact":true,"tokens":2,
		"chunks":[{"id":"0f","start":0,"end":3,"tokens":2,"source":[0,5],"boundary":"document","oversize":true,"headings":["H"]}],
		"metadata":{"bytes":5,"chars":3,"title":"H","changes":{"blank_runs":1}}}`
	want := ChunkReply{
		Text: "A b", Unchanged: true, Encoding: "o200k_base", Exact: true, Tokens: 2,
		Chunks: []Chunk{{ID: "0f", Start: 0, End: 3, Tokens: 2, Source: [2]int{0, 5}, Boundary: "document",
			Oversize: true, Headings: []string{"H"}}},
		Metadata: ChunkMetadata{Bytes: 5, Chars: 3, Title: "H", Changes: map[string]int{"blank_runs": 1}},
	}
	got, err := readReply[ChunkReply](nil, []byte(body))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}
