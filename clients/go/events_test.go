package hotpathd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var background = context.Background()

func noResults(context.Context) ([]ScoreResult, error) { return nil, nil }
func noPieces(context.Context) ([]Piece, error)        { return nil, nil }

// eventField is a row of docs/event-fields.json, which all languages share.
type eventField struct {
	Name, Type, Pattern string
	Null, Optional      bool
	Values              []any
	Members             []string
}

func eventFields(t *testing.T) []eventField {
	t.Helper()
	text, err := os.ReadFile("../../docs/event-fields.json")
	if err != nil {
		t.Fatal(err)
	}
	var fields []eventField
	if err := json.Unmarshal(text, &fields); err != nil || len(fields) < 20 {
		t.Fatal(err, len(fields))
	}
	return fields
}

// readEvents checks each line of a file against the table.
func readEvents(t *testing.T, path string) []Event {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fields := eventFields(t)
	var found []Event
	for _, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		checkEvent(t, fields, line)
		var event Event
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatal(err)
		}
		if _, known := outcomes[event.Reason]; !known && event.Reason != "" {
			t.Errorf("reason %q", event.Reason)
		}
		found = append(found, event)
	}
	return found
}

func checkEvent(t *testing.T, fields []eventField, line []byte) {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(line, &event); err != nil {
		t.Fatal(err)
	}
	from, known := 0, 0
	for _, field := range fields {
		value, there := event[field.Name]
		if !there {
			if !field.Optional {
				t.Errorf("no %s in %s", field.Name, line)
			}
			continue
		}
		known++
		at := bytes.Index(line[from:], []byte(`"`+field.Name+`":`))
		if at < 0 {
			t.Errorf("%s is not in its place in %s", field.Name, line)
		}
		from += at
		checkField(t, field, value)
	}
	if known != len(event) {
		t.Errorf("more than the table has: %s", line)
	}
}

func checkField(t *testing.T, field eventField, value any) {
	t.Helper()
	kinds := map[string]string{"string": "string", "integer": "float64", "number": "float64", "boolean": "bool", "object": "map[string]interface {}"}
	if value == nil {
		if !field.Null {
			t.Errorf("%s is null", field.Name)
		}
		return
	}
	if kind := fmt.Sprintf("%T", value); kind != kinds[field.Type] {
		t.Errorf("%s is a %s", field.Name, kind)
	}
	allowed := len(field.Values) == 0
	for _, v := range field.Values {
		allowed = allowed || reflect.DeepEqual(v, value)
	}
	if !allowed || !regexp.MustCompile(field.Pattern).MatchString(fmt.Sprint(value)) {
		t.Errorf("%s is %v", field.Name, value)
	}
	if members, ok := value.(map[string]any); ok {
		for name := range members {
			if !strings.Contains(strings.Join(field.Members, " "), name) {
				t.Errorf("%s has %s", field.Name, name)
			}
		}
	}
}

// recorded is a client in a mode that writes events; finish closes it and reads them.
func recorded(t *testing.T, url string, mode Mode, change func(*Config)) (client *Client, finish func() []Event) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	config := Config{URL: url, Modes: map[string]Mode{"chunk": mode}, Events: path, Caller: "worker/1.4", Breaker: Breaker{Disabled: true}}
	if change != nil {
		change(&config)
	}
	client = New(config)
	t.Cleanup(client.Close)
	return client, func() []Event {
		client.Close()
		return readEvents(t, path)
	}
}

const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestAnEventTellsOfACallThatWentWell(t *testing.T) {
	text := strings.Replace(okReply(`"ab"`), "\r\n", "\r\nServer-Timing: queue;dur=0.125, parse;dur=0.2, compute;dur=1.5, total;dur=9\r\n", 1)
	var sent string
	client, finish := recorded(t, serveFaults(t, "unix", func(_ int, p *peer) {
		r := p.request()
		sent = r.Header.Get("Traceparent")
		p.say(text)
	}).url, ModeOn, nil)
	c := stringCall()
	c.Key = "doc-1"
	if _, err := Do(WithTraceparent(background, trace), client, c); err != nil {
		t.Fatal(err)
	}
	events := finish()
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	e := events[0]
	if e.Outcome != OutcomeOK || e.Path != PathSidecar || e.Reason != "" || e.Mode != ModeOn || e.LegacyMs != nil || e.Match != nil {
		t.Errorf("%+v", e)
	}
	if *e.SidecarMs <= 0 || *e.SidecarMs > e.TotalMs || e.PID != os.Getpid() || *e.Caller != "worker/1.4" {
		t.Errorf("%+v", e)
	}
	if *e.KeyHash != keyHash("chunk", "doc-1") || *e.Bucket != 588 { // of docs/canary-vectors.json
		t.Errorf("key %s, bucket %d", *e.KeyHash, *e.Bucket)
	}
	if s := e.Server; *s.Queue != 0.125 || *s.Parse != 0.2 || *s.Compute != 1.5 || s.Write != nil {
		t.Errorf("server %+v", s)
	}
	if *e.TraceID != trace[3:35] || sent != trace || *e.BytesIn != len(`{"text":"a document"}`) {
		t.Errorf("trace %v, %d bytes", *e.TraceID, *e.BytesIn)
	}
	if runtime.GOOS == "linux" && (e.CPUMs.Client == nil || *e.CPUMs.Client > e.TotalMs+5 || e.CPUMs.Legacy != nil) {
		t.Errorf("CPU %+v", e.CPUMs)
	}
}

func TestKeyHashIsOfSaltAndKey(t *testing.T) {
	if got := keyHash("pepper", "doc-1"); got != "41bbc03d4a477043" { // printf 'pepper\0doc-1' | sha256sum
		t.Errorf("got %s", got)
	}
}

func TestAnEventTellsOfTheOldCodeAndItsCPUTime(t *testing.T) {
	client, finish := recorded(t, serveFaults(t, "tcp", answerAll(problemReply(429, "overloaded"))).url, ModeOn, nil)
	spin, rest := stringCall(), stringCall()
	spin.Legacy = func(context.Context) (string, error) {
		for from, _ := threadCPU(); ; {
			if now, ok := threadCPU(); !ok || now-from > 20*time.Millisecond {
				return "legacy", nil
			}
		}
	}
	rest.Route = "unknown"
	rest.Legacy = func(context.Context) (string, error) {
		time.Sleep(20 * time.Millisecond)
		return "", errors.New("mine")
	}
	call(t, client, spin)
	if _, err := Do(background, client, rest); err == nil {
		t.Error("the old code's error is gone")
	}
	events := finish()
	asked, not := events[0], events[1]
	if asked.Outcome != OutcomeFallback || asked.Reason != ReasonOverloaded || asked.Path != PathLegacy || asked.SidecarMs == nil {
		t.Errorf("%+v", asked)
	}
	if not.Outcome != OutcomeLegacy || not.Reason != ReasonOff || not.SidecarMs != nil || not.BytesIn != nil || not.Mode != ModeOff {
		t.Errorf("%+v", not)
	}
	if runtime.GOOS == "linux" && (*asked.CPUMs.Legacy < 19 || *asked.CPUMs.Client > asked.TotalMs-19 || *not.CPUMs.Legacy > 15) {
		t.Errorf("CPU %v %v %v", *asked.CPUMs.Legacy, *asked.CPUMs.Client, *not.CPUMs.Legacy)
	}
}

// Before anything is installed: no mode pinned, and events.
func TestABaselineNeedsNoDaemon(t *testing.T) {
	server := serveFaults(t, "unix", answerAll(okReply("{}")))
	client, finish := recorded(t, server.url, ModeOn, func(c *Config) { c.Modes = map[string]Mode{} })
	c := stringCall()
	c.Body, c.Key = nil, "doc-1" // not looked at
	c.Legacy = func(context.Context) (string, error) {
		for from, _ := threadCPU(); ; {
			if now, ok := threadCPU(); !ok || now-from > 20*time.Millisecond {
				return "legacy", nil
			}
		}
	}
	call(t, client, c)
	events := finish()
	if n := server.connections(); n != 0 {
		t.Errorf("%d connections", n)
	}
	e := events[0]
	if e.Mode != ModeOff || e.Path != PathLegacy || e.Outcome != OutcomeLegacy || e.Reason != ReasonOff || e.SidecarMs != nil || e.KeyHash == nil {
		t.Errorf("%+v", e)
	}
	if runtime.GOOS == "linux" && (*e.LegacyMs < 19 || *e.CPUMs.Legacy < 19) {
		t.Errorf("%v ms, %v ms of CPU", *e.LegacyMs, *e.CPUMs.Legacy)
	}
}

func TestACallerThatGaveUpIsToldApart(t *testing.T) {
	client, finish := recorded(t, serveFaults(t, "unix", func(_ int, p *peer) { p.untilClosed() }).url, ModeOn, nil)
	ctx, cancel := context.WithTimeout(background, 5*time.Millisecond)
	defer cancel()
	if _, err := Do(ctx, client, neverLegacy(t)); err != context.DeadlineExceeded {
		t.Error(err)
	}
	if e := finish()[0]; e.Reason != ReasonCancelled || e.LegacyMs != nil || e.Outcome != OutcomeFallback {
		t.Errorf("%+v", e)
	}
}

func TestEventsAreWrittenWithoutClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e")
	t.Setenv("HOTPATHD_EVENTS", path)
	client := New(Config{URL: "unix:/nowhere", Modes: map[string]Mode{}})
	t.Cleanup(client.Close)
	for n := 1; n <= 2; n++ {
		call(t, client, stringCall())
		eventually(t, "the event", func() bool {
			text, err := os.ReadFile(path)
			return err == nil && bytes.Count(text, []byte("\n")) == n
		})
	}
	readEvents(t, path)
}

func TestAFullQueueDropsCountsAndSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e")
	e := &events{queue: make(chan *record, 10), stop: make(chan struct{}), file: &eventFile{path: path, maxBytes: 1 << 20}}
	for range [25]int{} {
		e.put(newRecord("chunk", ""))
	}
	if e.dropped.Load() != 15 {
		t.Errorf("dropped %d", e.dropped.Load())
	}
	e.write(nil)
	e.put(newRecord("chunk", ""))
	e.write(nil)
	text, _ := os.ReadFile(path)
	if lines := strings.Split(strings.TrimSpace(string(text)), "\n"); len(lines) != 11 || !strings.HasSuffix(lines[0], `,"dropped":15}`) ||
		strings.Contains(lines[1]+lines[10], "dropped\"") {
		t.Errorf("%d lines: %s", len(lines), text)
	}
}

func TestAFileThatCannotBeWrittenCostsEventsOnly(t *testing.T) {
	for _, path := range []string{"/nowhere/at/all", "/"} {
		client := New(Config{URL: "unix:/nowhere", Modes: map[string]Mode{}, Events: path})
		for range [3]int{} {
			call(t, client, stringCall())
		}
		client.Close()
		if dropped, _ := client.Dropped(); dropped != 3 {
			t.Errorf("%s: %d dropped", path, dropped)
		}
	}
}

func TestTheFileTurnsOverAtItsSizeAmongWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e")
	var writers [2]*events
	for i := range writers {
		writers[i] = &events{queue: make(chan *record, 10), stop: make(chan struct{}), file: &eventFile{path: path, maxBytes: 20000}}
	}
	for range [30]int{} {
		for _, w := range writers {
			w.put(newRecord("chunk", ""))
			w.write(nil)
		}
	}
	total := 0
	for _, name := range []string{path, path + ".1"} {
		text, err := os.ReadFile(name)
		if err != nil || len(text) > 20000 {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
		total += bytes.Count(text, []byte("\n"))
	}
	if total != 60 {
		t.Errorf("%d events", total)
	}
}

func TestAHookGetsEachEventAndMayPanic(t *testing.T) {
	var mu sync.Mutex
	var seen []Event
	client, finish := recorded(t, "unix:/nowhere", ModeOn, func(c *Config) {
		c.OnEvent = func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, e)
			panic("mine")
		}
	})
	for range [3]int{} {
		call(t, client, stringCall())
	}
	if written := finish(); len(written) != 3 || len(seen) != 3 || seen[0].Reason != ReasonConnect {
		t.Errorf("%d written, seen %+v", len(written), seen)
	}
}

func TestTheReasonsAreThoseOfEveryLanguage(t *testing.T) {
	text, err := os.ReadFile("../python/README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[Reason]Outcome{}
	for _, row := range regexp.MustCompile(`(?m)^\| (ok|legacy|fallback) \| (\w+) \| `).FindAllStringSubmatch(string(text), -1) {
		found[Reason(row[2])] = Outcome(row[1])
	}
	if !reflect.DeepEqual(found, outcomes) {
		t.Errorf("Python's are %v", found)
	}
}

func TestSomeCallsThatACanaryLeavesToTheOldPathTellTheirSize(t *testing.T) {
	daemon := serveRollout(t, rolloutReply("canary", 0))
	client, finish := recorded(t, daemon.url, ModeOn, func(c *Config) { c.Modes = nil })
	known(t, client)
	for i := 0; i < 400; i++ {
		call(t, client, stringCall())
	}
	told := 0
	for _, e := range finish() {
		if e.BytesIn != nil {
			told++
			if *e.BytesIn != len(`{"text":"a document"}`) {
				t.Fatalf("%d bytes", *e.BytesIn)
			}
		}
	}
	if told == 0 || told > 100 {
		t.Errorf("%d of 400 tell their size", told)
	}
}
