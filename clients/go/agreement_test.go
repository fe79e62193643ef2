package hotpathd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// The clients agree: ../agreement.json is read by the tests of each.

type agreement struct {
	Addresses map[string]*[2]string // where to, and the Host; null: refused
	Rollouts  [][2]json.RawMessage  // an answer, and the mode of chunk; null: refused

	RolloutTexts  [][2]json.RawMessage    `json:"rollout_texts"` // the same, as bytes, one for each character
	Polls         [][2]json.RawMessage    // poll_s, and the seconds
	Salts         map[string]string       // as JSON has it, and as it is
	ETags         map[string]string       // one of a reply, and what is sent back
	ServerTimings map[string]*EventServer `json:"server_timings"`
	Replies       []replyRow              // to request r-1 of route chunk
}

func readAgreement(t *testing.T) (a agreement) {
	text, err := os.ReadFile("../agreement.json")
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil || len(a.Addresses) == 0 || len(a.Rollouts) == 0 {
		t.Fatal(err)
	}
	return a
}

func TestReadsAddressesAsEveryClientDoes(t *testing.T) {
	for url, want := range readAgreement(t).Addresses {
		got, err := parseAddress(url)
		if (err == nil) != (want != nil) {
			t.Errorf("%q: %v", url, err)
		} else if err == nil && *want != [2]string{got.endpoint, got.host} {
			t.Errorf("%q: %+v, want %q", url, got, *want)
		}
	}
}

func TestReadsRolloutsAsEveryClientDoes(t *testing.T) {
	agreed := readAgreement(t)
	for _, row := range agreed.Rollouts {
		agreesOnMode(t, row[0], row[1])
	}
	for _, row := range agreed.RolloutTexts {
		var text string
		if err := json.Unmarshal(row[0], &text); err != nil {
			t.Fatal(err)
		}
		agreesOnMode(t, bytesOf(text), row[1])
	}
}

func agreesOnMode(t *testing.T, body []byte, expected json.RawMessage) {
	var want *Mode
	if err := json.Unmarshal(expected, &want); err != nil {
		t.Fatal(err)
	}
	got, err := readRollout(&reply{body: body})
	if (err == nil) != (want != nil) {
		t.Errorf("%s: %v", body, err)
	} else if err == nil && got.routes["chunk"].mode() != *want {
		t.Errorf("%s: %s, want %s", body, got.routes["chunk"].mode(), *want)
	}
}

// bytesOf has a byte for each character.
func bytesOf(text string) (data []byte) {
	for _, c := range text {
		data = append(data, byte(c))
	}
	return data
}

func TestPollsAsOftenAsEveryClientDoes(t *testing.T) {
	for _, row := range readAgreement(t).Polls {
		body := fmt.Sprintf(`{"routes":{},"poll_s":%s}`, row[0])
		if string(row[0]) == "null" {
			body = `{"routes":{}}`
		}
		got, err := readRollout(&reply{body: []byte(body)})
		if err != nil || fmt.Sprint(got.pollHint().Seconds()) != string(row[1]) {
			t.Errorf("%s: %v, %v", body, got, err)
		}
	}
}

func TestReadsSaltsAsEveryClientDoes(t *testing.T) {
	for given, want := range readAgreement(t).Salts {
		body := `{"routes":{"chunk":{"mode":"on","percent":1,"deadline_ms":1,"salt":"` + given + `"}}}`
		got, err := readRollout(&reply{body: []byte(body)})
		if err != nil || got.routes["chunk"].Salt != want {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}

func TestSendsBackTheETagsThatEveryClientDoes(t *testing.T) {
	for given, want := range readAgreement(t).ETags {
		if isETag(given) != (want != "") {
			t.Errorf("%q: %v", given, isETag(given))
		}
	}
}

func TestReadsServerTimingsAsEveryClientDoes(t *testing.T) {
	for given, want := range readAgreement(t).ServerTimings {
		if got := parseServerTiming(given); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", given, got, want)
		}
	}
}

func TestReadsRepliesAsEveryClientDoes(t *testing.T) {
	for _, row := range readAgreement(t).Replies {
		data := bytesOf(strings.Join(row.Lines, "\r\n") + "\r\n\r\n" + row.Body)
		in := &reader{source: bytes.NewReader(data)}
		r, err := in.readReply(maxReplyBytes)
		reason := (&budget{}).brokenOff(err)
		if err == nil {
			reason = checkReply(r, &CallInfo{Route: "chunk", RequestID: "r-1"})
		}
		if (reason == nil) != (row.Reason == "") || (reason != nil && reason.reason != row.Reason) {
			t.Errorf("%q: %+v, want %q", data, reason, row.Reason)
		}
	}
}

// replyRow is [lines of the head, body, reason].
type replyRow struct {
	Lines  []string
	Body   string
	Reason Reason
}

func (r *replyRow) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&r.Lines, &r.Body, &r.Reason})
}
