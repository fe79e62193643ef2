package hotpathd

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type breakerTest struct {
	*testing.T
	*routeBreaker
	clock time.Duration
	told  []string
}

func newBreakerTest(t *testing.T) *breakerTest {
	bt := &breakerTest{T: t, clock: 1000 * time.Second}
	bt.routeBreaker = newRouteBreaker(Breaker{}, func() time.Duration { return bt.clock },
		func(state string) { bt.told = append(bt.told, state) })
	return bt
}

func (b *breakerTest) hear(n int, reason Reason) {
	b.Helper()
	for i := 0; i < n; i++ {
		t, ok := b.admit()
		if !ok {
			b.Fatalf("closed to call %d of %d", i, n)
		}
		b.heard(t, reason)
	}
}

func (b *breakerTest) want(open bool) {
	b.Helper()
	if until := b.open.Load(); (until > int64(b.clock)) != open {
		b.Fatalf("open until %v at %v", time.Duration(until), b.clock)
	}
}

func TestTheBreakerOpensAtItsRatioAndNotBefore(t *testing.T) {
	for reason := range failures {
		b := newBreakerTest(t)
		for range [9]int{} {
			b.hear(1, "")
			b.hear(1, reason)
		}
		b.hear(1, "")
		b.want(false)
		b.hear(1, reason)
		b.want(true)
		if _, ok := b.admit(); ok || len(b.told) != 1 {
			t.Errorf("%s: %v", reason, b.told)
		}
	}
}

func TestTheBreakerHeedsHealthOnly(t *testing.T) {
	for reason := range outcomes {
		if failures[reason] {
			continue
		}
		b := newBreakerTest(t)
		b.hear(100, reason)
		b.hear(19, ReasonOverloaded)
		b.want(false)
	}
}

func TestACallerTooSlowForTheWindowStopsAskingADaemonThatDoesNotAnswer(t *testing.T) {
	b := newBreakerTest(t)
	for _, reason := range []Reason{ReasonTimeout, ReasonConnect, ReasonCancelled, ReasonTimeout, ReasonTimeout} {
		b.hear(1, reason)
		b.clock += time.Minute
	}
	b.want(false)
	b.hear(1, ReasonConnect)
	b.want(true)
}

func TestAnyAnswerEndsTheRow(t *testing.T) {
	for _, answer := range []Reason{"", ReasonOverloaded, ReasonHTTP5xx, ReasonBadReply} {
		b := newBreakerTest(t)
		for range [10]int{} {
			b.hear(4, ReasonTimeout)
			b.hear(1, answer)
			b.clock += 10 * time.Second
		}
		b.want(false)
	}
}

func TestOldFailuresLeaveTheWindow(t *testing.T) {
	b := newBreakerTest(t)
	for _, wait := range []time.Duration{10 * time.Second, 11 * time.Second, 1e6 * time.Second} {
		b.hear(19, ReasonOverloaded)
		b.clock += wait
	}
	b.hear(19, ReasonOverloaded)
	b.want(false)
	b.clock += 8 * time.Second
	b.hear(1, ReasonOverloaded)
	b.want(true)
}

func TestOneProbeClosesTheBreaker(t *testing.T) {
	b := newBreakerTest(t)
	b.hear(20, ReasonOverloaded)
	b.clock += 2500 * time.Millisecond
	probe, ok := b.admit()
	if !ok {
		t.Fatal("no probe")
	}
	var others atomic.Int32
	var callers sync.WaitGroup
	for i := 0; i < 8; i++ {
		callers.Add(1)
		go func() {
			defer callers.Done()
			if _, ok := b.admit(); ok {
				others.Add(1)
			}
		}()
	}
	if callers.Wait(); others.Load() != 0 {
		t.Error("more than one probe")
	}
	b.heard(probe, "")
	b.hear(19, ReasonOverloaded) // what failed before is forgotten
	b.want(false)
	if len(b.told) != 2 {
		t.Errorf("told %v", b.told)
	}
}

func TestAProbeThatFailsDoublesThePauseUpToALimit(t *testing.T) {
	b := newBreakerTest(t)
	b.hear(20, ReasonOverloaded)
	for _, pause := range []time.Duration{2, 4, 8, 16, 30, 30} {
		least, most := pause*time.Second*8/10, pause*time.Second*12/10
		if left := time.Duration(b.open.Load()) - b.clock; left < least || left > most {
			t.Errorf("a pause of %v, want %v s", left, int(pause))
		}
		b.clock = time.Duration(b.open.Load())
		probe, ok := b.admit()
		if !ok {
			t.Fatal("no probe")
		}
		b.heard(probe, ReasonTimeout)
	}
}

func TestAProbeThatSaysNothingOrNeverComesBackHandsOn(t *testing.T) {
	b := newBreakerTest(t)
	b.hear(20, ReasonOverloaded)
	b.clock = time.Duration(b.open.Load())
	first, _ := b.admit()
	b.heard(first, ReasonDraining)
	lost, ok := b.admit()
	if !ok {
		t.Fatal("nothing handed on")
	}
	b.clock += probeDies
	last, ok := b.admit()
	if !ok {
		t.Fatal("a probe that was lost is for ever")
	}
	b.heard(lost, ReasonTimeout)
	b.heard(last, "")
	b.want(false)
}

func TestAnOpenBreakerSparesTheDaemonByRoute(t *testing.T) {
	var asked atomic.Int32
	server := serveFaults(t, "unix", func(_ int, p *peer) {
		for r := p.request(); r != nil; r = p.request() {
			asked.Add(1)
			p.say(problemReply(429, "overloaded"))
		}
	})
	var last CallInfo
	states := make(chan string, 10)
	client := New(Config{URL: server.url, Modes: map[string]Mode{"chunk": "on", "score": "on"}, Breaker: Breaker{Open: time.Hour},
		OnCall: func(i CallInfo) { last = i }, OnStateChange: func(route, state string) { states <- route + ": " + state }})
	t.Cleanup(client.Close)
	for range [50]int{} {
		call(t, client, stringCall())
	}
	wantReason(t, &last, OutcomeLegacy, ReasonBreakerOpen)
	if last.SidecarTime != 0 || asked.Load() != 20 || len(states) != 1 {
		t.Errorf("%d calls were sent, %d states told, %v", asked.Load(), len(states), last.SidecarTime)
	}
	c := stringCall()
	c.Route = "score"
	call(t, client, c)
	wantReason(t, &last, OutcomeFallback, ReasonOverloaded)
}
