package hotpathd

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Replies, settings and surroundings that mean harm; each test was a breach of the promise once.

func TestAPanicOverTheReplyMeansTheOldCode(t *testing.T) {
	server := serveFaults(t, "tcp", answerAll(okReply("{}")))
	client, last := on(t, server.url)
	c := stringCall()
	c.Reply = func(body []byte) (string, error) { return string(body[len(body) : len(body)+9 : 3]), nil }
	for range [5]int{} {
		wantFallback(t, call(t, client, c), last, ReasonBadReply)
	}
	if n := server.connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestAPanicOverTheBodyMeansTheOldCode(t *testing.T) {
	client, last := on(t, "unix:/nowhere")
	c := stringCall()
	c.Body = stubborn{}
	wantFallback(t, call(t, client, c), last, ReasonContract)
}

func TestAProblemThatTakesLongToReadIsNotRead(t *testing.T) {
	r := reply{status: 500, body: bytes.Repeat([]byte(" "), maxProblemBytes)}
	r.body = append(r.body, `{"code":"late"}`...)
	if p := readProblem(&r); p.Code != "" {
		t.Errorf("read %+v", p)
	}
}

func TestABatchOfEventsHasAnEnd(t *testing.T) {
	e := &events{queue: make(chan *record, eventQueue), stop: make(chan struct{})}
	n := 0
	e.hook = func(Event) { n++; e.put(newRecord("chunk", "")) }
	e.write(newRecord("chunk", ""))
	if n > eventQueue+1 {
		t.Errorf("%d events at once", n)
	}
}

func TestTheLongestTimeoutIsNoneThatIsOver(t *testing.T) {
	server := serveFaults(t, "tcp", answerAll(okReply("{}")))
	client, last := on(t, server.url)
	c := stringCall()
	c.Timeout = math.MaxInt64
	got, _ := Do(background, client, c)
	wantOK(t, got, "{}", last)
}

func TestAWindowOfNothingDividesNothing(t *testing.T) {
	b := newRouteBreaker(Breaker{Window: 1, MinCalls: 1}, func() time.Duration { return time.Second }, func(string) {})
	ticket, _ := b.admit()
	b.heard(ticket, ReasonTimeout)
	if _, ok := b.admit(); ok {
		t.Error("still closed")
	}
}

func TestSettingsThatMakeNoSenseAndARolloutThatIsNotReadAreTold(t *testing.T) {
	var mu sync.Mutex
	var told []string
	tell := func(route, state string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, route+": "+state)
	}
	wrong := New(Config{URL: "https://example.com", OnStateChange: tell})
	wrong.Close()
	var polls atomic.Int64
	server := serveFaults(t, "tcp", func(_ int, p *peer) {
		for p.request() != nil {
			polls.Add(1)
			p.say("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
		}
	})
	client := New(Config{URL: server.url, PollInterval: time.Millisecond, OnStateChange: tell})
	eventually(t, "polls", func() bool { return polls.Load() > 3 })
	client.Close()
	if len(told) != 2 || !strings.Contains(told[0], "https://example.com") || !strings.Contains(told[1], "rollout not read") {
		t.Errorf("told %q", told)
	}
}

func TestAHookForStatesMayPanic(t *testing.T) {
	client := New(Config{URL: "https://example.com", OnStateChange: func(string, string) { panic("mine") }})
	client.Close()
}

func TestSpansAndIndexesOutsideOfTheRequestAreRefused(t *testing.T) {
	request := ScoreRequest{Documents: []string{"a"}, Objects: []map[string]string{{}}, Rows: []json.RawMessage{[]byte(`"b"`)}}
	read := ScoreCall(request, nil).Reply
	for body, ok := range map[string]bool{
		`{"results":[{"index":2,"relevance_score":1}],"meta":{}}`:  true,
		`{"results":[{"index":3,"relevance_score":1}],"meta":{}}`:  false,
		`{"results":[{"index":-1,"relevance_score":1}],"meta":{}}`: false,
	} {
		if _, err := read([]byte(body)); (err == nil) != ok {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestACallerThatGaveUpBeforeDuringOrAfterLeavesNothing(t *testing.T) {
	server := serveFaults(t, "tcp", answerAll(okReply("{}")))
	client, _ := on(t, server.url)
	for i := 0; i < 300; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*2*time.Microsecond)
		if i%2 == 0 {
			go cancel()
		}
		got, err := Do(ctx, client, stringCall())
		own := err == context.Canceled || err == context.DeadlineExceeded
		if !own && (err != nil || got != "{}" && got != "legacy") {
			t.Errorf("%q, %v", got, err)
		}
		cancel()
	}
	c := stringCall()
	if got := call(t, client, c); got != "{}" {
		t.Errorf("%q afterwards", got)
	}
	if n := len(client.transport.slots); n != 0 {
		t.Errorf("%d slots are taken", n)
	}
}

// bodies that cost more to read than to send
var dearBodies = map[string]string{
	"a value every two bytes": "[" + strings.Repeat("1,", 1<<18) + "1]",
	"nothing but lists":       "[" + strings.Repeat("[],", 1<<18) + "1]",
	"chunks of nothing":       `{"chunks":[` + strings.Repeat("{},", 1<<18) + "{}]}",
	"deep again and again":    "[" + strings.Repeat(strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+",", 40) + "1]",
	"one long string":         `"` + strings.Repeat(`\u00e9`, 5<<18) + `"`,
}

func TestALargeReplyIsReadInTimeOrNotAtAll(t *testing.T) {
	const budget = 40 * time.Millisecond
	const room = 250 * time.Millisecond // the answer's megabytes take their time on a loaded machine
	for name, body := range dearBodies {
		t.Run(name, func(t *testing.T) {
			client, last := on(t, serveFaults(t, "unix", answerAll(okReply(body))).url)
			piecesCall := ChunkCall(ChunkRequest{Text: "a"}, func(context.Context) ([]Piece, error) { return nil, nil })
			piecesCall.Timeout = budget
			inTime(t, budget+room, func() {
				if _, err := Do(background, client, piecesCall); err != nil || last.Reason != ReasonTimeout {
					t.Errorf("reason %s (%v), %v", last.Reason, last.Err, err)
				}
			})
		})
	}
}

func TestALargeReplyIsReadWhereThereIsTime(t *testing.T) {
	text := strings.Repeat("long strings are cheap ", 50_000)
	client, last := on(t, serveFaults(t, "unix", answerAll(okReply(`{"text":"`+text+`"}`))).url)
	c := stringCall()
	c.Reply = func(body []byte) (string, error) {
		var reply ChunkReply
		err := json.Unmarshal(body, &reply)
		return reply.Text, err
	}
	wantOK(t, call(t, client, c), text, last)
}

func TestAReplyThatTakesTooLongOpensTheBreaker(t *testing.T) {
	var last CallInfo
	client := New(Config{URL: serveFaults(t, "unix", answerAll(okReply("{}"))).url, Modes: map[string]Mode{"chunk": ModeOn},
		OnCall: func(i CallInfo) { last = i }, OnStateChange: func(string, string) {}})
	t.Cleanup(client.Close)
	c := stringCall()
	c.Timeout = time.Millisecond
	calls := 0
	c.Reply = func(body []byte) (string, error) { calls++; time.Sleep(2 * c.Timeout); return "late", nil }
	for i := 0; i < 50 && last.Reason != ReasonBreakerOpen; i++ {
		call(t, client, c)
	}
	if last.Reason != ReasonBreakerOpen || calls > 20 {
		t.Errorf("reason %s after %d calls of Reply", last.Reason, calls)
	}
}

func TestAReplyThatIsNotUTF8IsRefused(t *testing.T) {
	client, last := on(t, serveFaults(t, "unix", answerAll(okReply("{\"text\":\"\xff\"}"))).url)
	wantFallback(t, call(t, client, stringCall()), last, ReasonBadReply)
}

func TestACallerInHasteDoesNotOpenTheBreakerForAll(t *testing.T) {
	client := New(Config{URL: serveFaults(t, "unix", func(_ int, p *peer) { p.request(); p.untilClosed() }).url,
		Modes: map[string]Mode{"chunk": ModeOn}, OnStateChange: func(string, string) {}})
	t.Cleanup(client.Close)
	c := stringCall()
	c.Timeout = time.Minute
	client.route("chunk").learn(time.Minute) // the old code needs all of the deadline, and more
	for range [50]int{} {
		ctx, cancel := context.WithTimeout(background, 30*time.Second)
		if got, err := Do(ctx, client, c); got != "legacy" || err != nil {
			t.Error(got, err)
		}
		cancel()
		client.route("chunk").learn(time.Minute)
	}
	if _, ok := client.route("chunk").breaker.admit(); !ok {
		t.Error("the breaker is open")
	}
}
