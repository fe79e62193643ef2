package hotpathd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	patience = 80 * time.Millisecond // of a call that is to be late
	enough   = 10 * time.Second      // of one that is not, however busy the machine
	promised = 30 * time.Millisecond // all that a call may take beyond its budget
	slack    = 5 * time.Second       // what a loaded machine may take from a single run: more is a client that hangs
)

// on is a client whose route chunk is on, and which remembers its last call.
func on(t *testing.T, url string) (*Client, *CallInfo) {
	t.Helper()
	last := new(CallInfo)
	client := New(Config{
		URL:     url,
		Modes:   map[string]Mode{"chunk": ModeOn, "score": ModeOn},
		Breaker: Breaker{Disabled: true}, // a fault is to be seen in each call
		OnCall:  func(info CallInfo) { *last = info },
	})
	if client.Err() != nil {
		t.Fatal(client.Err())
	}
	t.Cleanup(client.Close)
	return client, last
}

func asText(body []byte) (string, error) { return string(body), nil }

// stringCall has the reply's body as its result, or else the word legacy.
func stringCall() Call[string] {
	return Call[string]{
		Route:   "chunk",
		Body:    ChunkRequest{Text: "a document"},
		Reply:   asText,
		Legacy:  func(context.Context) (string, error) { return "legacy", nil },
		Timeout: enough,
	}
}

// hurried is a stringCall that the fault makes late.
func hurried() Call[string] {
	c := stringCall()
	c.Timeout = patience
	return c
}

func call(t *testing.T, client *Client, c Call[string]) string {
	t.Helper()
	started := time.Now()
	result, err := Do(context.Background(), client, c)
	if err != nil {
		t.Fatalf("the caller got an error: %v", err)
	}
	if took := time.Since(started); took > c.Timeout+slack {
		t.Errorf("took %v with a patience of %v", took, c.Timeout)
	}
	return result
}

// inTime runs a call until three runs kept the promise, or eight broke it: a neighbour delays some,
// a client that is late is late each time.
func inTime(t *testing.T, budget time.Duration, run func()) {
	t.Helper()
	inTimeOf(t, budget, func() time.Duration {
		started := time.Now()
		run()
		return time.Since(started)
	})
}

// inTimeOf is inTime where run says itself how long the call took. How late a timer of the same
// length has fired in the meantime is the machine's, and not held against the client.
func inTimeOf(t *testing.T, budget time.Duration, run func() time.Duration) {
	t.Helper()
	var added []time.Duration
	kept, broken := 0, 0
	for kept < 3 && broken < 8 {
		late := make(chan time.Duration, 1)
		due := time.Now().Add(budget)
		timer := time.AfterFunc(budget, func() { late <- time.Since(due) })
		over := run() - budget
		if over > promised && !timer.Stop() {
			over -= <-late
		}
		timer.Stop()
		if added = append(added, over); over <= promised {
			kept++
		} else {
			broken++
		}
	}
	if broken == 8 {
		t.Errorf("added %v to a budget of %v", added, budget)
	}
}

func wantFallback(t *testing.T, got string, info *CallInfo, reason Reason) {
	t.Helper()
	if got != "legacy" || info.Outcome != OutcomeFallback || info.Path != PathLegacy {
		t.Errorf("got %q, outcome %s, path %s", got, info.Outcome, info.Path)
	}
	if info.Reason != reason {
		t.Errorf("reason is %s (%v), want %s", info.Reason, info.Err, reason)
	}
	if info.Err == nil {
		t.Error("nothing says what happened")
	}
}

func wantOK(t *testing.T, got, want string, info *CallInfo) {
	t.Helper()
	if got != want || info.Outcome != OutcomeOK || info.Path != PathSidecar || info.Reason != "" {
		t.Errorf("got %.40q, outcome %s, reason %s (%v)", got, info.Outcome, info.Reason, info.Err)
	}
}

// drip sends a text one byte each 10 ms, for as long as somebody listens.
func drip(text string) func(int, *peer) {
	return func(_ int, p *peer) {
		p.request()
		for i := range text {
			if !p.say(text[i : i+1]) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func once(text string) func(int, *peer) {
	return func(_ int, p *peer) {
		p.request()
		p.say(text)
	}
}

func head(lines ...string) string {
	return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Hotpath-Contract: chunk/1\r\n" +
		strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// flood sends a chunked body without end.
func flood(_ int, p *peer) {
	p.request()
	piece := "10000\r\n" + strings.Repeat("x", 0x10000) + "\r\n"
	for ok := p.say(head("Transfer-Encoding: chunked")); ok; {
		ok = p.say(piece)
	}
}

var faults = []struct {
	name   string
	handle func(int, *peer)
	reason Reason
}{
	{"never answers", func(_ int, p *peer) { p.untilClosed() }, ReasonTimeout},
	{"never reads", func(_ int, p *peer) { time.Sleep(2 * patience) }, ReasonTimeout},
	{"hangs up at once", func(_ int, p *peer) {}, ReasonConnect},
	{"hangs up after the request", once(""), ReasonConnect},
	{"drips the header", drip(head("X-Long: "+strings.Repeat("x", 1000), "Content-Length: 2") + "{}"), ReasonTimeout},
	{"drips the body", func(n int, p *peer) {
		p.request()
		p.say(head("Content-Length: 1000"))
		drip(strings.Repeat(" ", 1000))(n, p)
	}, ReasonTimeout},
	{"drips a problem's body", func(n int, p *peer) {
		p.request()
		p.say("HTTP/1.1 429 X\r\nContent-Type: application/problem+json\r\nContent-Length: 1000\r\n\r\n")
		drip(strings.Repeat(" ", 1000))(n, p)
	}, ReasonTimeout},
	{"sends interim replies without end", func(_ int, p *peer) {
		p.request()
		for p.say("HTTP/1.1 102 Processing\r\n\r\n") {
		}
	}, ReasonBadReply},
	{"answers garbage", once(strings.Repeat("\x00\xff*", 100) + "\r\n\r\n"), ReasonBadReply},
	{"answers another protocol", once("220 mail.example ESMTP\r\n\r\n"), ReasonBadReply},
	{"a header too large", func(_ int, p *peer) {
		p.request()
		p.say(head("X-Long: "+strings.Repeat("x", 2*maxHeadBytes), "Content-Length: 2") + "{}")
		p.untilClosed()
	}, ReasonBadReply},
	{"a body shorter than its Content-Length", once(head("Content-Length: 10") + "{}"), ReasonConnect},
	{"a body longer than its Content-Length", once(head("Content-Length: 5") + `{"text":"x"}`), ReasonBadReply},
	{"two Content-Lengths", once(head("Content-Length: 2", "Content-Length: 3") + "{} "), ReasonBadReply},
	{"a Content-Length of letters", once(head("Content-Length: two") + "{}"), ReasonBadReply},
	{"a huge body announced", once(head("Content-Length: 1099511627776") + "{}"), ReasonBadReply},
	{"a body without end", flood, ReasonBadReply},
	{"a broken chunk", once(head("Transfer-Encoding: chunked") + "zz\r\n{}\r\n0\r\n\r\n"), ReasonBadReply},
	{"broken JSON", once(okReply(`{"text":`)), ReasonBadReply},
	{"no body", once(okReply("")), ReasonBadReply},
	{"deep JSON", once(okReply(`{"chunks":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`)), ReasonBadReply},
	{"huge JSON", once(okReply(`{"text":"` + strings.Repeat("x", 100_000) + `"}`)), ReasonBadReply},
	{"JSON of another shape", once(okReply(`[1,2]`)), ReasonBadReply},
	{"not JSON", once(replyText(200, "text/html", `{}`)), ReasonBadReply},
	{"another contract", once(strings.Replace(okReply(`{}`), "chunk/1", "chunk/2", 1)), ReasonBadReply},
	{"no contract", once(strings.Replace(okReply(`{}`), "X-Hotpath-Contract", "X-Other", 1)), ReasonBadReply},
	{"204", once("HTTP/1.1 204 No Content\r\n\r\n"), ReasonBadReply},
	{"a status outside of HTTP", once(replyText(999, "application/json", `{}`)), ReasonBadReply},
	{"a gateway's 502", once(replyText(502, "text/html", "<h1>Bad Gateway")), "http_5xx"},
	{"a stranger's 404", once(replyText(404, "text/plain", "404 page not found")), "http_4xx"},
	{"a problem with broken JSON", once(replyText(500, "application/problem+json", `{"code":"overlo`)), "http_5xx"},
}

func TestFallsBackWhateverTheDaemonDoes(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, fault := range faults {
			network, fault := network, fault
			t.Run(network+"/"+fault.name, func(t *testing.T) {
				t.Parallel()
				client, last := on(t, serveFaults(t, network, fault.handle).url)
				client.transport.maxReply = 64 << 10
				c := stringCall()
				if fault.reason == ReasonTimeout {
					c.Timeout = patience
				}
				c.Reply = func(body []byte) (string, error) {
					var reply ChunkReply
					err := json.Unmarshal(body, &reply)
					return reply.Text, err
				}
				inTime(t, patience, func() { wantFallback(t, call(t, client, c), last, fault.reason) })
			})
		}
	}
}

// every status and code of the contract
var problems = []struct {
	status int
	codes  string
	reason Reason
}{
	{400, "bad_json bad_utf8 duplicate_key missing_field bad_type unknown_field bad_framing bad_deadline bad_query", ReasonContract},
	{403, "forbidden_origin", ReasonHTTP4xx},
	{404, "not_found", ReasonHTTP4xx},
	{405, "method", ReasonHTTP4xx},
	{413, "too_large", ReasonContract},
	{415, "media_type", ReasonContract},
	{421, "wrong_host", ReasonHTTP4xx},
	{422, "out_of_range too_many_documents document_too_large too_many_terms length_mismatch mixed_documents " +
		"encoding_unavailable unknown_preset unknown_analyzer", ReasonContract},
	{429, "overloaded", ReasonOverloaded},
	{431, "header_too_large", ReasonHTTP4xx},
	{500, "internal", "http_5xx"},
	{503, "route_off", ReasonRouteOff},
	{503, "draining", ReasonDraining},
	{504, "deadline", ReasonTimeout},
}

func TestFallsBackOnEveryProblemOfTheContract(t *testing.T) {
	for _, p := range problems {
		for _, code := range strings.Fields(p.codes) {
			t.Run(fmt.Sprint(p.status, " ", code), func(t *testing.T) {
				server := serveFaults(t, "tcp", answerAll(problemReply(p.status, code)))
				client, last := on(t, server.url)
				for range [3]int{} {
					wantFallback(t, call(t, client, stringCall()), last, p.reason)
				}
				if !strings.Contains(last.Err.Error(), fmt.Sprint(p.status, " ", code)) {
					t.Errorf("%q does not tell status and code", last.Err)
				}
				if n := server.connections(); n != 1 {
					t.Errorf("%d connections for three problems: they are not read to the end", n)
				}
			})
		}
	}
}

func TestFallsBackOnAReplyCutAnywhere(t *testing.T) {
	whole := okReply(`{"text":"x"}`)
	server := serveFaults(t, "tcp", func(n int, p *peer) {
		p.request()
		p.say(whole[:n])
	})
	client, last := on(t, server.url)
	for n := 0; n < len(whole); n++ {
		got := call(t, client, stringCall())
		wantFallback(t, got, last, ReasonConnect)
		if t.Failed() {
			t.Fatalf("cut at byte %d of %d", n, len(whole))
		}
	}
	wantOK(t, call(t, client, stringCall()), `{"text":"x"}`, last)
}

func TestFollowsNoRedirect(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		var followed atomic.Bool
		server := serveFaults(t, "tcp", func(_ int, p *peer) {
			for r := p.request(); r != nil; r = p.request() {
				if r.URL.Path != "/v1/chunk" {
					followed.Store(true)
				}
				p.say(fmt.Sprintf("HTTP/1.1 %d X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", status))
			}
		})
		client, last := on(t, server.url)
		wantFallback(t, call(t, client, stringCall()), last, ReasonBadReply)
		if followed.Load() {
			t.Errorf("%d was followed", status)
		}
	}
}

func TestFallsBackWhereNothingListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	leftBehind := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(leftBehind, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{
		"http://" + listener.Addr().String(),
		"unix:/nowhere/at/all.sock",
		"unix:" + leftBehind,
		"unix:/" + strings.Repeat("longer than a socket's path may be", 10),
	} {
		client, last := on(t, url)
		inTime(t, 0, func() { wantFallback(t, call(t, client, stringCall()), last, ReasonConnect) })
	}
}

func TestFallsBackWhereTheSocketIsNotPermitted(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root is permitted everything")
	}
	server := serveFaults(t, "unix", answerAll(okReply("{}")))
	if err := os.Chmod(strings.TrimPrefix(server.url, "unix:"), 0); err != nil {
		t.Fatal(err)
	}
	client, last := on(t, server.url)
	inTime(t, 0, func() { wantFallback(t, call(t, client, stringCall()), last, ReasonConnect) })
}

func TestARetryAfterIsNotHeeded(t *testing.T) {
	var requests atomic.Int32
	refusal := strings.Replace(problemReply(429, "overloaded"), "\r\n", "\r\nRetry-After: 1\r\n", 1)
	server := serveFaults(t, "unix", func(_ int, p *peer) {
		for p.request() != nil && p.say(refusal) {
			requests.Add(1)
		}
	})
	client, last := on(t, server.url)
	inTime(t, 0, func() { wantFallback(t, call(t, client, stringCall()), last, ReasonOverloaded) })
	if n := requests.Load(); n > 5 {
		t.Errorf("%d requests for at most five calls", n)
	}
}

// The date may be set while a call is under way: what ends its budget is on the other clock.
func TestTheBudgetIsOnTheMonotonicClock(t *testing.T) {
	client, _ := on(t, "unix:/nowhere.sock")
	r := run[string]{ctx: context.Background(), client: client, call: stringCall(), state: client.route("chunk"), started: client.now()}
	if end, _ := r.end(); end == end.Round(0) { // which takes that clock's reading off
		t.Errorf("%v is a date alone", end)
	}
}

func TestTriesAgainOnlyOnAConnectionThatWentStale(t *testing.T) {
	for _, test := range []struct {
		name     string
		lastWord string // of the first connection, to its second request
		want     string
		requests int32
	}{
		{"no byte of a reply", "", "second", 3},
		{"one byte of a reply", "H", "legacy", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			var requests atomic.Int32
			server := serveFaults(t, "unix", func(n int, p *peer) {
				for p.request() != nil {
					switch requests.Add(1); {
					case n > 0:
						p.say(okReply("second"))
					case requests.Load() == 1:
						p.say(okReply("first"))
					default:
						p.say(test.lastWord)
						return
					}
				}
			})
			client, last := on(t, server.url)
			wantOK(t, call(t, client, stringCall()), "first", last)
			if got := call(t, client, stringCall()); got != test.want {
				t.Errorf("got %q (%v), want %q", got, last.Err, test.want)
			}
			if got := requests.Load(); got != test.requests {
				t.Errorf("the daemon saw %d requests, want %d", got, test.requests)
			}
		})
	}
}

func TestNeverTriesAgainOnAFreshConnection(t *testing.T) {
	var requests atomic.Int32
	server := serveFaults(t, "tcp", func(_ int, p *peer) {
		if p.request() != nil {
			requests.Add(1)
		}
	})
	client, last := on(t, server.url)
	wantFallback(t, call(t, client, stringCall()), last, ReasonConnect)
	if got := requests.Load(); got != 1 {
		t.Errorf("the daemon saw %d requests", got)
	}
}

func TestReusesItsConnection(t *testing.T) {
	server := serveFaults(t, "tcp", answerAll(okReply("{}")))
	client, last := on(t, server.url)
	for range [20]int{} {
		wantOK(t, call(t, client, stringCall()), "{}", last)
	}
	if n := server.connections(); n != 1 {
		t.Errorf("%d connections for 20 calls in a row", n)
	}
}

func TestARefusalByReplyIsAFallback(t *testing.T) {
	client, last := on(t, serveFaults(t, "tcp", answerAll(okReply("{}"))).url)
	refusal := errors.New("not to my taste")
	c := stringCall()
	c.Reply = func([]byte) (string, error) { return "half", refusal }
	wantFallback(t, call(t, client, c), last, ReasonBadReply)
	if !errors.Is(last.Err, refusal) {
		t.Errorf("%v does not tell of the refusal", last.Err)
	}
}

func TestTheErrorIsTheOneOfLegacy(t *testing.T) {
	mine := errors.New("the old code failed")
	client, last := on(t, "unix:/nowhere.sock")
	c := stringCall()
	c.Legacy = func(context.Context) (string, error) { return "half", mine }
	got, err := Do(context.Background(), client, c)
	if got != "half" || err != mine {
		t.Errorf("got %q and %v", got, err)
	}
	if last.Outcome != OutcomeFallback {
		t.Errorf("outcome %s", last.Outcome)
	}
}

// neverLegacy fails the test where Legacy runs.
func neverLegacy(t *testing.T) Call[string] {
	c := stringCall()
	c.Timeout = time.Minute
	c.Legacy = func(context.Context) (string, error) {
		t.Error("Legacy ran for a caller that had given up")
		return "legacy", nil
	}
	return c
}

func wantGivenUp(t *testing.T, got string, err, want error, info *CallInfo) {
	t.Helper()
	if got != "" || err != want {
		t.Errorf("got %q and %v, want %v", got, err, want)
	}
	if info.Outcome != OutcomeCancelled || info.Path != PathNone {
		t.Errorf("outcome %s, path %s", info.Outcome, info.Path)
	}
}

func TestACallerThatCancelsGetsItsOwnError(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	server := serveFaults(t, "tcp", func(_ int, p *peer) {
		p.request()
		cancel()
		p.untilClosed()
	})
	client, last := on(t, server.url)
	got, err := Do(ctx, client, neverLegacy(t))
	wantGivenUp(t, got, err, context.Canceled, last)

	got, err = Do(ctx, client, neverLegacy(t)) // one that had cancelled before
	wantGivenUp(t, got, err, context.Canceled, last)
}

func TestACallersDeadlineIsPartOfTheBudget(t *testing.T) {
	client, last := on(t, serveFaults(t, "tcp", func(_ int, p *peer) { p.untilClosed() }).url)
	const left = 5 * time.Millisecond
	inTime(t, left, func() {
		ctx, cancel := context.WithTimeout(context.Background(), left)
		defer cancel()
		got, err := Do(ctx, client, neverLegacy(t))
		wantGivenUp(t, got, err, context.DeadlineExceeded, last)
	})
}

func TestARawBodyIsNotTouchedAfterTheCall(t *testing.T) { // the race detector watches
	server := serveFaults(t, "unix", func(_ int, p *peer) { // whose buffers are small
		time.Sleep(2 * patience)
		p.untilClosed()
	})
	client, last := on(t, server.url)
	body := json.RawMessage(`"` + strings.Repeat("x", 4<<20) + `"`)
	c := hurried()
	c.Body = body
	wantFallback(t, call(t, client, c), last, ReasonTimeout)
	for i := range body {
		body[i] = 'y'
	}
}

func TestABodyThatIsNoJSONIsAFallback(t *testing.T) {
	client, last := on(t, serveFaults(t, "tcp", answerAll(okReply("{}"))).url)
	for _, body := range []any{func() {}, ChunkRequest{Text: "\xff"}} {
		c := stringCall()
		c.Body = body
		wantFallback(t, call(t, client, c), last, ReasonContract)
	}
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// eventually waits for a condition, for a long time at most.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for ", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestARequestCarriesWhatTheContractNames(t *testing.T) {
	requests := make(chan *http.Request, 1)
	server := serveFaults(t, "tcp", func(_ int, p *peer) {
		requests <- p.request()
		p.say(okReply("{}"))
	})
	var info CallInfo
	client := New(Config{URL: server.url, Caller: "worker/1.4", Modes: map[string]Mode{"chunk": ModeOn},
		OnCall: func(i CallInfo) { info = i }})
	t.Cleanup(client.Close)
	call(t, client, stringCall())
	r := <-requests
	if r.Method != "POST" || r.URL.Path != "/v1/chunk" || r.ContentLength < 1 {
		t.Errorf("%s %s with a body of %d bytes", r.Method, r.URL, r.ContentLength)
	}
	for name, want := range map[string]string{
		"Content-Type":     "application/json",
		"X-Hotpath-Caller": "worker/1.4",
		"X-Request-Id":     info.RequestID,
		"Idempotency-Key":  "",
		"Accept-Encoding":  "",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	var ms int64
	fmt.Sscan(r.Header.Get("X-Request-Timeout-Ms"), &ms)
	if ms < 1 || ms > enough.Milliseconds() {
		t.Errorf("X-Request-Timeout-Ms is %q", r.Header.Get("X-Request-Timeout-Ms"))
	}
}
