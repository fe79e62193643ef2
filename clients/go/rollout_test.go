package hotpathd

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fakeRollout is a daemon that serves a rollout, which may change, and answers every call.
type fakeRollout struct {
	*faultServer
	reply      atomic.Value // the whole reply, a string
	polls      atomic.Int32
	revalidate atomic.Value // the last If-None-Match
	timeoutMs  atomic.Value // of the last call
}

func serveRollout(t *testing.T, first string) *fakeRollout {
	f := &fakeRollout{}
	f.reply.Store(first)
	f.faultServer = serveFaults(t, "tcp", func(_ int, p *peer) {
		for r := p.request(); r != nil; r = p.request() {
			if r.URL.Path == "/v1/rollout" {
				f.revalidate.Store(r.Header.Get("If-None-Match"))
				p.say(f.reply.Load().(string))
				f.polls.Add(1)
				continue
			}
			f.timeoutMs.Store(r.Header.Get("X-Request-Timeout-Ms"))
			p.say(okReply("new"))
		}
	})
	return f
}

// change swaps the reply and waits until it has been served twice, so that it is surely in force.
func (f *fakeRollout) change(t *testing.T, reply string) {
	t.Helper()
	f.reply.Store(reply)
	from := f.polls.Load()
	eventually(t, "two more polls", func() bool { return f.polls.Load() >= from+3 })
}

func rolloutReply(mode string, percent float64) string {
	body := fmt.Sprintf(`{"version":"7","poll_s":5,"routes":{"chunk":{"mode":%q,"percent":%g,"deadline_ms":4321,`+
		`"salt":"chunk","shadow_percent":100,"of_tomorrow":[]}},"of_tomorrow":1}`, mode, percent)
	return strings.Replace(replyText(200, "application/json", body), "\r\n", "\r\nETag: \"7\"\r\n", 1)
}

// polled is a client that has its modes from the daemon.
func polled(t *testing.T, url string) (*Client, *CallInfo) {
	t.Helper()
	last := new(CallInfo)
	client := New(Config{URL: url, PollInterval: 2 * time.Millisecond, Breaker: Breaker{Disabled: true},
		OnStateChange: func(string, string) {}, OnCall: func(i CallInfo) { *last = i }})
	if client.Err() != nil {
		t.Fatal(client.Err())
	}
	t.Cleanup(client.Close)
	return client, last
}

func known(t *testing.T, client *Client) {
	t.Helper()
	eventually(t, "the first rollout", func() bool { return client.rollout.Load() != nil })
}

func wantLegacy(t *testing.T, got string, info *CallInfo, reason Reason) {
	t.Helper()
	if got != "legacy" || info.Outcome != OutcomeLegacy || info.Path != PathLegacy || info.Reason != reason {
		t.Errorf("got %q, outcome %s, reason %s, want %s", got, info.Outcome, info.Reason, reason)
	}
	if info.SidecarTime != 0 {
		t.Error("the sidecar was asked")
	}
}

func TestModesFollowTheDaemon(t *testing.T) {
	daemon := serveRollout(t, rolloutReply("on", 0))
	client, last := polled(t, daemon.url)
	known(t, client)
	wantOK(t, call(t, client, stringCall()), "new", last)
	daemon.change(t, rolloutReply("off", 100))
	wantLegacy(t, call(t, client, stringCall()), last, ReasonOff)
	daemon.change(t, rolloutReply("shadow", 100))
	wantLegacy(t, call(t, client, stringCall()), last, ReasonShadow)
	daemon.change(t, rolloutReply("mode of tomorrow", 100))
	wantLegacy(t, call(t, client, stringCall()), last, ReasonOff)
	daemon.change(t, rolloutReply("on", 0))
	wantOK(t, call(t, client, stringCall()), "new", last)

	c := stringCall()
	c.Route = "unknown"
	wantLegacy(t, call(t, client, c), last, ReasonOff)
}

func TestACanaryTakesTheKeysOfItsSlice(t *testing.T) {
	daemon := serveRollout(t, rolloutReply("canary", 25.26)) // bucket 2525 is in, by a hair
	client, last := polled(t, daemon.url)
	known(t, client)
	inside, outside := stringCall(), stringCall()
	inside.Key, outside.Key = "a", "b" // buckets 2525 and 9236, docs/canary-vectors.json
	wantOK(t, call(t, client, inside), "new", last)
	wantLegacy(t, call(t, client, outside), last, ReasonCanary)
	daemon.change(t, rolloutReply("canary", 25.25))
	wantLegacy(t, call(t, client, inside), last, ReasonCanary)
	daemon.change(t, rolloutReply("canary", 100))
	wantOK(t, call(t, client, stringCall()), "new", last)
	daemon.change(t, rolloutReply("canary", 0))
	wantLegacy(t, call(t, client, stringCall()), last, ReasonCanary)
}

func TestTheBudgetIsTheDaemonsWhereTheCallNamesNone(t *testing.T) {
	daemon := serveRollout(t, rolloutReply("on", 100))
	client, _ := polled(t, daemon.url)
	known(t, client)
	for _, test := range []struct {
		timeout, context time.Duration
		least, most      int
	}{
		{0, time.Hour, 4000, 4321},
		{-1, time.Hour, 4000, 4321},
		{2 * time.Second, time.Hour, 1700, 2000},
		{0, 3 * time.Second, 2700, 3000},
		{3000 * time.Hour, 2000 * time.Hour, 999999999, 999999999}, // nine digits at most
	} {
		ctx, cancel := context.WithTimeout(context.Background(), test.context)
		c := stringCall()
		c.Timeout = test.timeout
		if _, err := Do(ctx, client, c); err != nil {
			t.Error(err)
		}
		cancel()
		var ms int
		fmt.Sscan(daemon.timeoutMs.Load().(string), &ms)
		if ms < test.least || ms > test.most {
			t.Errorf("timeout %v, context %v: the daemon was told %d ms", test.timeout, test.context, ms)
		}
	}
}

func TestTakesTheOldPathUntilTheFirstAnswer(t *testing.T) {
	daemon := serveRollout(t, problemReply(503, "draining"))
	client, last := polled(t, daemon.url)
	eventually(t, "some failures", func() bool { return daemon.polls.Load() > 3 })
	wantLegacy(t, call(t, client, stringCall()), last, ReasonNoRollout)
	daemon.change(t, rolloutReply("on", 100))
	wantOK(t, call(t, client, stringCall()), "new", last)
}

func TestKeepsTheLastKnownModes(t *testing.T) {
	daemon := serveRollout(t, rolloutReply("on", 100))
	client, last := polled(t, daemon.url)
	known(t, client)
	for _, nonsense := range []string{
		problemReply(500, "internal"),
		replyText(200, "application/json", `{"routes":`),
		replyText(200, "application/json", `{"routes":{"chunk":{"mode":7}}}`),
		replyText(200, "application/json", `{}`),
		replyText(200, "application/json", `[]`),
		replyText(200, "application/json", `{"routes":{"chunk":{"mode":"off"}}`+strings.Repeat(" ", maxRolloutBytes)+"}"),
		"HTTP/1.1 304 Not Modified\r\n\r\n",
	} {
		daemon.change(t, nonsense)
		wantOK(t, call(t, client, stringCall()), "new", last)
	}
	if got := daemon.revalidate.Load(); got != `"7"` {
		t.Errorf("If-None-Match was %q", got)
	}
	daemon.change(t, rolloutReply("off", 100))
	wantLegacy(t, call(t, client, stringCall()), last, ReasonOff)
}

func TestThePollsAreAsOftenAsAskedFor(t *testing.T) {
	hinted := func(seconds float64) *rollout { return &rollout{pollSeconds: seconds} }
	for _, test := range []struct {
		name    string
		setting time.Duration
		known   *rollout
		missed  int
		want    time.Duration
	}{
		{"at first", 0, nil, 0, 100 * time.Millisecond},
		{"after some failures", 0, nil, 3, 800 * time.Millisecond},
		{"after many", 0, nil, 1000, 5 * time.Second},
		{"a setting shorter than the first wait", time.Millisecond, nil, 0, time.Millisecond},
		{"no hint", 0, hinted(0), 0, 5 * time.Second},
		{"a hint", 0, hinted(2.5), 0, 2500 * time.Millisecond},
		{"too small a hint", 0, hinted(1e-9), 0, 500 * time.Millisecond},
		{"too large a hint", 0, hinted(1e300), 0, time.Minute},
		{"a setting wins", 7 * time.Second, hinted(2), 0, 7 * time.Second},
	} {
		client := &Client{pollInterval: test.setting}
		client.rollout.Store(test.known)
		if got := client.untilNextPoll(test.missed); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	for range [1000]int{} {
		if d := jitter(time.Second); d < 800*time.Millisecond || d > 1200*time.Millisecond {
			t.Fatal("jitter made ", d, " of a second")
		}
	}
}

// A rollout that flaps between all that it can say while calls are under way: each call gets one
// of the two results, and no other reason than those of the modes.
func TestARolloutThatFlapsUnderLoad(t *testing.T) {
	daemon := serveRollout(t, rolloutReply("on", 100))
	var mu sync.Mutex
	reasons := map[Reason]int{}
	client := New(Config{URL: daemon.url, PollInterval: 100 * time.Microsecond, OnStateChange: func(string, string) {},
		OnEvent: func(Event) {}, OnCall: func(i CallInfo) {
			mu.Lock()
			defer mu.Unlock()
			reasons[i.Reason]++
		}})
	defer client.Close()
	known(t, client)
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range [2]int{} {
		callers.Add(1)
		go func() {
			defer callers.Done()
			c := stringCall()
			c.Timeout = 10 * time.Second
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got, err := Do(background, client, c); err != nil || got != "new" && got != "legacy" {
					t.Errorf("%q, %v", got, err)
				}
			}
		}()
	}
	for _, reply := range []string{
		rolloutReply("off", 100), rolloutReply("canary", 50), rolloutReply("shadow", 100), rolloutReply("on", 100),
		rolloutReply("of_tomorrow", 100), problemReply(500, "internal"), rolloutReply("on", 100), rolloutReply("off", 100),
	} {
		daemon.change(t, reply)
	}
	close(stop)
	callers.Wait()
	for reason := range reasons {
		switch reason {
		case "", ReasonOff, ReasonCanary, ReasonShadow, ReasonShadowDropped:
		default:
			t.Errorf("%d calls for reason %s", reasons[reason], reason)
		}
	}
	for _, reason := range []Reason{"", ReasonOff, ReasonCanary, ReasonShadow} {
		if reasons[reason] == 0 {
			t.Errorf("no call for reason %q", reason)
		}
	}
}
