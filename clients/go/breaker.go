package hotpathd

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Breaker says when a failing sidecar is left alone, route by route. It opens on the share of
// failures in a window, not on a row of them: a busy daemon that sheds every third call is still
// worth asking. A row counts only where nobody answered at all: a caller too slow to fill the window
// would wait its whole timeout on each call to a hung daemon. After the pause one call goes through
// as a probe; what it brings closes the breaker, or opens it for longer. A zero field has its default.
type Breaker struct {
	Disabled     bool
	Window       time.Duration // how far back failures count; 10 s
	MinCalls     int           // fewer calls than this in the window never open it; 20
	FailureRatio float64       // the share of failures that opens it; 0.5
	InARow       int           // so many calls without any answer, one after the other, open it however few they are; 5
	Open         time.Duration // the first pause, doubled each time a probe fails; 2 s, give or take a fifth
	MaxOpen      time.Duration // the longest pause; 30 s
}

func (b Breaker) withDefaults() Breaker {
	if b.Window <= 0 {
		b.Window = 10 * time.Second
	}
	if b.MinCalls <= 0 {
		b.MinCalls = 20
	}
	if b.FailureRatio <= 0 {
		b.FailureRatio = 0.5
	}
	if b.InARow <= 0 {
		b.InARow = 5
	}
	if b.Open <= 0 {
		b.Open = 2 * time.Second
	}
	if b.MaxOpen <= 0 {
		b.MaxOpen = 30 * time.Second
	}
	return b
}

const (
	windowParts = 10
	probeDies   = time.Minute // a probe that has not come back by then never will
)

// failures are what speaks of the sidecar's health. A route that is off, a daemon that drains and
// a request it does not take say nothing of it.
var failures = map[Reason]bool{
	ReasonTimeout: true, ReasonConnect: true, ReasonOverloaded: true, ReasonHTTP5xx: true, ReasonBadReply: true,
}

var unanswered = map[Reason]bool{ReasonTimeout: true, ReasonConnect: true}

// ticket is given to a call that may ask, and goes back with its reason. Negative is the probe.
type ticket int64

type routeBreaker struct {
	settings Breaker
	now      func() time.Duration // on the monotonic clock
	tell     func(state string)
	open     atomic.Int64 // until then, in ns; 0 is closed
	era      atomic.Int64 // what was asked in another state does not count in this one

	mu     sync.Mutex
	pause  time.Duration
	part   int64
	calls  [windowParts]int
	failed [windowParts]int
	row    int // of calls that nobody answered
}

func newRouteBreaker(settings Breaker, now func() time.Duration, tell func(string)) *routeBreaker {
	b := &routeBreaker{settings: settings.withDefaults(), now: now, tell: tell}
	b.pause = b.settings.Open
	b.era.Store(1)
	return b
}

// admit is ok where the sidecar may be asked. While the breaker is open it takes no lock.
func (b *routeBreaker) admit() (ticket, bool) {
	if b.settings.Disabled {
		return 0, true
	}
	until := b.open.Load()
	if until == 0 {
		return ticket(b.era.Load()), true
	}
	now := b.now()
	if now < time.Duration(until) {
		return 0, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	until = b.open.Load()
	if until == 0 {
		return ticket(b.era.Load()), true
	}
	if now < time.Duration(until) {
		return 0, false
	}
	b.open.Store(int64(now + probeDies))
	return ticket(-b.era.Add(1)), true
}

// heard takes what became of a call that was admitted; an empty reason is success.
func (b *routeBreaker) heard(t ticket, reason Reason) {
	if b.settings.Disabled {
		return
	}
	b.mu.Lock()
	state := ""
	switch era := ticket(b.era.Load()); {
	case t == -era:
		state = b.heardProbe(reason)
	case t == era && b.open.Load() == 0:
		state = b.count(reason)
	}
	b.mu.Unlock()
	if state != "" {
		b.tell(state)
	}
}

func (b *routeBreaker) heardProbe(reason Reason) string {
	b.era.Add(1)
	switch {
	case failures[reason]:
		if b.pause *= 2; b.pause > b.settings.MaxOpen {
			b.pause = b.settings.MaxOpen
		}
		b.open.Store(int64(b.now() + jitter(b.pause)))
		return ""
	case reason != "":
		b.open.Store(int64(b.now())) // neither well nor ill: the next call is the probe
		return ""
	}
	b.open.Store(0)
	b.pause = b.settings.Open
	b.calls, b.failed, b.row = [windowParts]int{}, [windowParts]int{}, 0
	return "breaker closed"
}

func (b *routeBreaker) count(reason Reason) string {
	bad := failures[reason]
	if reason != "" && !bad {
		return ""
	}
	b.turn()
	part := b.part % windowParts
	b.calls[part]++
	if b.row++; !unanswered[reason] {
		b.row = 0
	}
	if !bad {
		return ""
	}
	b.failed[part]++
	calls, failed := sum(b.calls), sum(b.failed)
	few := calls < b.settings.MinCalls || float64(failed) < float64(calls)*b.settings.FailureRatio
	if few && b.row < b.settings.InARow {
		return ""
	}
	b.era.Add(1)
	pause := jitter(b.pause)
	b.open.Store(int64(b.now() + pause))
	return fmt.Sprintf("breaker open for %v: %d of %d calls failed, %d in a row unanswered, the last by %s",
		pause.Round(100*time.Millisecond), failed, calls, b.row, reason)
}

// turn empties the parts that the window has left behind.
func (b *routeBreaker) turn() {
	now := int64(b.now()) * windowParts / int64(b.settings.Window)
	for i := 0; i < windowParts && b.part < now; i++ {
		b.part++
		b.calls[b.part%windowParts], b.failed[b.part%windowParts] = 0, 0
	}
	if b.part < now { // longer ago than the window: the parts are empty, only their number is old
		b.part = now
	}
}

func sum(parts [windowParts]int) (total int) {
	for _, n := range parts {
		total += n
	}
	return total
}
