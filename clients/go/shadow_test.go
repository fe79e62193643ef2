package hotpathd

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

var comparisons = []struct {
	old, new string
	with     Comparison
	place    string
	match    bool
}{
	{`{"a":1,"b":[2.0]}`, `{"b":[2],"a":1e0}`, Comparison{}, "", true},
	{`null`, `[]`, Comparison{}, "", true},
	{`null`, `false`, Comparison{}, "", false},
	{`"1"`, `1`, Comparison{}, "", false},
	{`true`, `1`, Comparison{}, "", false},
	{`[1]`, `{}`, Comparison{}, "", false},
	{`[1,2]`, `[1,3]`, Comparison{}, "/1", false},
	{`[1]`, `[1,2]`, Comparison{}, "/1", false},
	{`{"a":1}`, `{}`, Comparison{}, "/a", false},
	{`{"b":1,"a":1}`, `{"b":2,"a":2}`, Comparison{}, "/a", false},
	{`{"a/b~":1}`, `{"a/b~":2}`, Comparison{}, "/a~1b~0", false},
	{`{"c":[{"d":1}]}`, `{"c":[{"d":{}}]}`, Comparison{}, "/c/0/d", false},
	{`{"c":[{"id":1},{"id":2}],"m":1}`, `{"c":[{"id":3},{"id":4}]}`, Comparison{Ignore: []string{"/c/*/id"}}, "/m", false},
	{`{"c":[{"id":1},{"id":2}],"m":1}`, `{"c":[{"id":3},{"id":4}]}`, Comparison{Ignore: []string{"/c/0", "/m"}}, "/c/1/id", false},
	{`{"c":[{"id":1}],"m":1}`, `{"c":[]}`, Comparison{Ignore: []string{"/c", "/m"}}, "", true},
	{`1`, `2`, Comparison{Ignore: []string{""}}, "", true},
	{`[1000,0]`, `[1000.9,0.0009]`, Comparison{Tolerance: 1e-3}, "", true},
	{`[1000]`, `[1001.1]`, Comparison{Tolerance: 1e-3}, "/0", false},
}

func TestComparesAsJSON(t *testing.T) {
	for _, c := range comparisons {
		for _, swap := range []bool{false, true} {
			old, new := c.old, c.new
			if swap {
				old, new = new, old
			}
			place, match, err := c.with.differ([]byte(old), []byte(new))
			if err != nil || match != c.match || place != c.place {
				t.Errorf("%s and %s: %q, %v, %v", old, new, place, match, err)
			}
		}
	}
	if _, _, err := (Comparison{}).differ([]byte(`{`), []byte(`1`)); err == nil {
		t.Error("broken JSON compares")
	}
}

func shadowEvents(t *testing.T, handle func(int, *peer), change func(*Config), calls ...Call[string]) []Event {
	t.Helper()
	client, finish := recorded(t, serveFaults(t, "unix", handle).url, ModeShadow, change)
	for _, c := range calls {
		if _, err := Do(background, client, c); err != nil {
			t.Error(err)
		}
	}
	eventually(t, "the comparisons", func() bool { return client.shadow.bytes.Load() == 0 })
	return finish()
}

func TestTheOldResultComesAtOnceAndTheComparisonAfterIt(t *testing.T) {
	release := make(chan struct{})
	requests := make(chan *http.Request, 1)
	client, finish := recorded(t, serveFaults(t, "unix", func(_ int, p *peer) {
		requests <- p.request()
		<-release
		p.say(okReply("legacx"))
	}).url, ModeShadow, nil)
	c := stringCall()
	c.Timeout = time.Minute
	if got := call(t, client, c); got != "legacy" {
		t.Errorf("got %q", got)
	}
	r := <-requests
	close(release)
	eventually(t, "the comparison", func() bool { return client.shadow.bytes.Load() == 0 })
	e := finish()[0]
	if e.Mode != ModeShadow || e.Path != PathBoth || e.Outcome != OutcomeOK || e.Reason != "" || *e.Match || *e.Diff != "" {
		t.Errorf("%+v", e)
	}
	if r.Header.Get("X-Hotpath-Mode") != "shadow" || r.Header.Get("X-Request-Id") != e.RequestID {
		t.Errorf("%v, event %s", r.Header, e.RequestID)
	}
	if *e.SidecarMs <= 0 || *e.LegacyMs > e.TotalMs {
		t.Errorf("%v %v %v", *e.SidecarMs, *e.LegacyMs, e.TotalMs)
	}
}

func TestComparesByTheCallersWord(t *testing.T) {
	plain, custom, refusing, panics := stringCall(), stringCall(), stringCall(), stringCall()
	custom.Compare = func(old, new string) bool { return old != new }
	refusing.Reply = func([]byte) (string, error) { return "", errors.New("no") }
	panics.Compare = func(string, string) bool { panic("mine") }
	events := shadowEvents(t, answerAll(okReply("legacy")), nil, plain, custom, refusing, panics)
	for i, want := range []struct {
		reason Reason
		match  any
	}{{"", true}, {"", false}, {ReasonBadReply, nil}, {ReasonBadCompare, nil}} {
		var match any
		if events[i].Match != nil {
			match = *events[i].Match
		}
		if events[i].Reason != want.reason || match != want.match || events[i].Path != PathBoth {
			t.Errorf("%d: %+v", i, events[i])
		}
	}
}

func TestASidecarThatFailsIsNoMismatch(t *testing.T) {
	for reason, text := range map[Reason]string{
		ReasonOverloaded: problemReply(429, "overloaded"), ReasonBadReply: "garbage\r\n\r\n", ReasonConnect: "",
	} {
		e := shadowEvents(t, once(text), nil, stringCall())[0]
		if e.Path != PathBoth || e.Outcome != OutcomeFallback || e.Reason != reason || e.Match != nil {
			t.Errorf("%+v", e)
		}
	}
}

func TestWhatChangesLaterIsNotCompared(t *testing.T) { // the race detector watches
	release := make(chan struct{})
	client, finish := recorded(t, serveFaults(t, "unix", func(_ int, p *peer) {
		p.request()
		<-release
		p.say(okReply(`["a"]`))
	}).url, ModeShadow, nil)
	document := []string{"a"}
	got, err := Do(background, client, Call[[]string]{Route: "chunk", Body: document, Timeout: time.Minute,
		Legacy: func(context.Context) ([]string, error) {
			result := append([]string(nil), document...)
			document[0] = "changed in place, as old code does"
			return result, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	got[0] = "later"
	close(release)
	eventually(t, "the comparison", func() bool { return client.shadow.bytes.Load() == 0 })
	if e := finish()[0]; e.Match == nil || !*e.Match {
		t.Errorf("%+v", e)
	}
}

func TestAFullShadowQueueDropsAndNeverDelays(t *testing.T) {
	client, finish := recorded(t, serveFaults(t, "unix", func(_ int, p *peer) { p.untilClosed() }).url, ModeShadow, nil)
	c := stringCall()
	c.Timeout = time.Minute
	for i := 0; i < shadowQueue+30; i++ {
		started := time.Now()
		if Do(background, client, c); time.Since(started) > 20*time.Second {
			t.Fatal("a caller waited")
		}
	}
	_, dropped := client.Dropped()
	if dropped != 29 && dropped != 30 { // one may be under way
		t.Errorf("%d dropped", dropped)
	}
	count, events := int64(0), finish()
	if len(events) != shadowQueue+30 {
		t.Errorf("%d events", len(events))
	}
	_, dropped = client.Dropped()
	for _, e := range events {
		if e.Reason == ReasonShadowDropped && e.Path == PathLegacy && e.Match == nil {
			count++
		}
	}
	if count != dropped {
		t.Errorf("%d events tell of %d drops", count, dropped)
	}
}

type stubborn struct{}

func (stubborn) MarshalJSON() ([]byte, error) { panic("mine") }

func TestAResultThatIsNoJSONIsTheCallersAllTheSame(t *testing.T) {
	client, finish := recorded(t, "unix:/nowhere", ModeShadow, nil)
	if _, err := Do(background, client, Call[func()]{Route: "chunk", Legacy: func(context.Context) (func(), error) { return func() {}, nil }}); err != nil {
		t.Error(err)
	}
	if _, err := Do(background, client, Call[stubborn]{Route: "chunk", Legacy: func(context.Context) (stubborn, error) { return stubborn{}, nil }}); err != nil {
		t.Error(err)
	}
	for _, e := range finish() {
		if e.Path != PathLegacy || e.Reason != ReasonShadow || e.Match != nil {
			t.Errorf("%+v", e)
		}
	}
}

func TestAHugeRequestIsNotQueued(t *testing.T) {
	s := newShadow()
	defer s.close()
	if s.offer(shadowJob{size: shadowBytes + 1}) || s.dropped.Load() != 1 || s.bytes.Load() != 0 {
		t.Error("it was")
	}
}

func TestNoiseComparesTheOldCodeWithItself(t *testing.T) {
	runs := make(chan int, 2)
	c := Call[int]{Route: "chunk", Body: 1, Legacy: func(context.Context) (int, error) { runs <- 1; return len(runs), nil }}
	server := serveFaults(t, "unix", answerAll(okReply("1")))
	client, finish := recorded(t, server.url, ModeShadow, func(c *Config) { c.Noise = 100 })
	if got, err := Do(background, client, c); got != 1 || err != nil {
		t.Error(got, err)
	}
	eventually(t, "the second run", func() bool { return len(runs) == 2 && client.shadow.bytes.Load() == 0 })
	e := finish()[0]
	if e.Path != PathLegacy || e.Outcome != OutcomeLegacy || e.Reason != ReasonNoise || *e.Match || e.SidecarMs != nil {
		t.Errorf("%+v", e)
	}
	if server.connections() != 0 {
		t.Error("the sidecar was asked")
	}
}

func TestShadowPercentIsTheShareThatIsCompared(t *testing.T) {
	client, finish := recorded(t, serveFaults(t, "unix", answerAll(okReply("legacy"))).url, ModeShadow, nil)
	half := 50.0
	client.rollout.Store(&rollout{routes: map[string]routeRule{"chunk": {Mode: ModeShadow, Salt: "chunk", ShadowPercent: half}}})
	for i := 0; i < 60; i++ {
		c := stringCall()
		c.Key = strings.Repeat("k", i+1)
		call(t, client, c)
	}
	eventually(t, "the comparisons", func() bool { return client.shadow.bytes.Load() == 0 })
	both := 0
	for _, e := range finish() {
		if in := *e.Bucket < 5000; in != (e.Path == PathBoth) {
			t.Errorf("bucket %d, path %s", *e.Bucket, e.Path)
		}
		if e.Path == PathBoth {
			both++
		}
	}
	if both == 0 || both == 60 {
		t.Errorf("%d of 60", both)
	}
}

func TestTheReserveKeepsRoomForTheOldCode(t *testing.T) {
	granted := make(chan string, 10)
	client, last := on(t, serveFaults(t, "unix", func(_ int, p *peer) {
		if r := p.request(); r != nil {
			granted <- r.Header.Get("X-Request-Timeout-Ms")
			p.untilClosed()
		}
	}).url)
	c := stringCall()
	c.Timeout = time.Minute
	client.route("chunk").learn(700 * time.Millisecond) // what the old code takes
	ctx, cancel := context.WithTimeout(background, time.Second)
	defer cancel()
	if got, err := Do(ctx, client, c); got != "legacy" || err != nil {
		t.Error("the old code had no room: ", got, err)
	}
	wantReason(t, last, OutcomeFallback, ReasonTimeout)
	if ms, err := strconv.Atoi(<-granted); err != nil || ms < 1 || ms > 300 {
		t.Errorf("the sidecar had %d of 1000 ms", ms)
	}
}

func TestTheOldCodesTimeIsLearned(t *testing.T) {
	client, _ := on(t, "unix:/nowhere")
	c := stringCall()
	c.Legacy = func(context.Context) (string, error) { time.Sleep(5 * time.Millisecond); return "legacy", nil }
	call(t, client, c)
	if got := client.route("chunk").reserve(); got < 5*time.Millisecond {
		t.Errorf("%v", got)
	}
}

func TestTheReserveFades(t *testing.T) {
	var s routeState
	s.learn(100 * time.Millisecond)
	for i := 0; i < 16; i++ {
		before := s.reserve()
		s.learn(time.Millisecond)
		if after := s.reserve(); after >= before || after < time.Millisecond {
			t.Errorf("%v after %v", after, before)
		}
	}
	if s.reserve() > 50*time.Millisecond {
		t.Errorf("still %v", s.reserve())
	}
	s.learn(time.Second)
	if s.reserve() != time.Second {
		t.Errorf("a longer time is %v", s.reserve())
	}
}

func TestOnlyAWellFormedTraceparentIsSent(t *testing.T) {
	client := &Client{traceparent: func(context.Context) string { return trace }}
	if got := client.traceparentOf(background); got != trace {
		t.Errorf("the hook's is %q", got)
	}
	for _, bad := range []string{"x", strings.ToUpper(trace), trace + "\r\n", trace[:54] + "\n", strings.Replace(trace, "-", "x", 1)} {
		if got := client.traceparentOf(WithTraceparent(background, bad)); got != "" {
			t.Errorf("%q is sent", bad)
		}
	}
}

// Connections

func TestCallersShareABoundedNumberOfConnections(t *testing.T) {
	server := serveFaults(t, "unix", answerAll(okReply("{}")))
	client, _ := quiet(t, server.url)
	inParallel(200, func() {
		c := stringCall()
		c.Timeout = time.Minute
		for range [10]int{} {
			if got, err := Do(background, client, c); got != "{}" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		}
	})
	if n := server.connections(); n > maxOpen {
		t.Errorf("%d connections", n)
	}
}

func TestNobodyWaitsForAnothersConnectionBeyondItsBudget(t *testing.T) {
	client, _ := quiet(t, serveFaults(t, "unix", func(_ int, p *peer) { p.untilClosed() }).url)
	inParallel(3*maxOpen, func() { call(t, client, hurried()) })
}

func TestBytesThatNobodyAskedForAreNeverTakenForAReply(t *testing.T) {
	returned, spoken := make(chan struct{}), make(chan struct{})
	server := serveFaults(t, "unix", func(n int, p *peer) {
		p.request()
		p.say(okReply(`"right"`))
		if n == 0 {
			<-returned
			p.say(okReply(`"wrong"`))
			close(spoken)
		}
		p.untilClosed()
	})
	client, last := on(t, server.url)
	wantOK(t, call(t, client, stringCall()), `"right"`, last)
	close(returned)
	<-spoken
	wantOK(t, call(t, client, stringCall()), `"right"`, last)
	if server.connections() != 2 {
		t.Errorf("%d connections", server.connections())
	}
}

func TestAnIdleConnectionIsDroppedInTime(t *testing.T) {
	server := serveFaults(t, "unix", answerAll(okReply("{}")))
	client, last := on(t, server.url)
	wantOK(t, call(t, client, stringCall()), "{}", last)
	client.transport.idle[0].idleSince = time.Now().Add(-idleTimeout)
	wantOK(t, call(t, client, stringCall()), "{}", last)
	if server.connections() != 2 {
		t.Errorf("%d connections", server.connections())
	}
}

func TestACancelledCallLeavesNoDeadlineOnAnothersConnection(t *testing.T) {
	server := serveFaults(t, "unix", answerAll(okReply("{}")))
	client, last := on(t, server.url)
	for range [300]int{} {
		ctx, cancel := context.WithCancel(background)
		c := stringCall()
		c.Reply = func(body []byte) (string, error) { cancel(); return string(body), nil } // just after the reply
		if got, err := Do(ctx, client, c); got != "{}" || err != nil {
			t.Fatalf("got %q, %v", got, err)
		}
		wantOK(t, call(t, client, stringCall()), "{}", last)
	}
	if server.connections() != 1 {
		t.Errorf("%d connections", server.connections())
	}
}

// quiet is a client for many goroutines: nobody notes its last call.
func quiet(t *testing.T, url string) (*Client, func()) {
	client := New(Config{URL: url, Modes: map[string]Mode{"chunk": ModeOn}, Breaker: Breaker{Disabled: true}})
	t.Cleanup(client.Close)
	return client, client.Close
}

func inParallel(n int, work func()) {
	done := make(chan struct{})
	for i := 0; i < n; i++ {
		go func() {
			work()
			done <- struct{}{}
		}()
	}
	for i := 0; i < n; i++ {
		<-done
	}
}

func TestTheDaemonStopped(t *testing.T) {
	d := startDaemon(t)
	for _, url := range []string{d.tcp, d.unix} {
		client, last := on(t, url)
		mustDo(t, client, chunkCall(ChunkRequest{Text: document}))
		wantReason(t, last, OutcomeOK, "")
		pause(t, d, func() {
			inTime(t, patience, func() { wantFallback(t, call(t, client, hurried()), last, ReasonTimeout) })
		})
		mustDo(t, client, chunkCall(ChunkRequest{Text: document}))
		wantReason(t, last, OutcomeOK, "")
	}
}
