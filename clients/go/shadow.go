package hotpathd

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	shadowQueue = 64       // comparisons that wait; a sidecar as fast as the callers needs none
	shadowBytes = 64 << 20 // of requests and results that wait
	noiseTime   = time.Minute
)

// shadow does what comes after a caller has its result: one goroutine, and a queue that drops
// rather than grows.
type shadow struct {
	queue   chan shadowJob
	bytes   atomic.Int64
	dropped atomic.Int64
	start   sync.Once
	ended   chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
}

type shadowJob struct {
	size int64
	run  func(context.Context)
	drop func() // where it was taken and will not run
}

func newShadow() *shadow {
	s := &shadow{queue: make(chan shadowJob, shadowQueue), ended: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// offer never waits; it is false where the job will not be done.
func (s *shadow) offer(job shadowJob) bool {
	s.start.Do(func() { go s.work() })
	if s.ctx.Err() == nil && s.bytes.Add(job.size) <= shadowBytes {
		select {
		case s.queue <- job:
			if s.ctx.Err() != nil {
				s.dropAll() // it was closed meanwhile
			}
			return true
		default:
		}
	}
	s.bytes.Add(-job.size)
	s.dropped.Add(1)
	return false
}

func (s *shadow) work() {
	defer close(s.ended)
	for {
		select {
		case <-s.ctx.Done():
			return
		case job := <-s.queue:
			job.run(s.ctx)
			s.bytes.Add(-job.size)
		}
	}
}

// close ends the job under way and drops the others. An old code that does not heed its context
// is not waited for.
func (s *shadow) close() {
	s.cancel()
	s.start.Do(func() { close(s.ended) })
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-timer.C:
	}
	s.dropAll()
}

func (s *shadow) dropAll() {
	for {
		select {
		case job := <-s.queue:
			s.bytes.Add(-job.size)
			s.dropped.Add(1)
			job.drop()
		default:
			return
		}
	}
}

// shadowCall is one comparison, with everything that it needs as it was when the call was made:
// the caller may change its own at once.
type shadowCall struct {
	client  *Client
	rule    routeRule
	info    CallInfo
	record  record
	body    []byte
	timeout time.Duration
	old     []byte
	comparison
}

// comparison is what depends on the type of the results.
type comparison struct {
	fresh   func(body []byte) ([]byte, error) // of the sidecar's reply, as JSON; nil with custom
	custom  func(body []byte) (bool, error)   // the caller's Compare
	again   func(context.Context) ([]byte, error)
	compare Comparison
}

func (s *shadowCall) drop() {
	s.record.reason = ReasonShadowDropped
	s.client.events.put(&s.record)
}

func (s *shadowCall) run(ctx context.Context) {
	started := time.Now()
	place, match, why := s.judge(ctx)
	r := &s.record
	r.sidecar = time.Since(started)
	r.path, r.outcome, r.reason = PathBoth, OutcomeOK, ""
	if why != nil {
		r.reason, r.outcome = why.reason, outcomes[why.reason]
	} else {
		r.compared, r.match, r.diff = true, match, place
	}
	switch {
	case s.again != nil:
		r.path, r.outcome, r.sidecar = PathLegacy, OutcomeLegacy, -1
		if why == nil {
			r.reason = ReasonNoise
		}
	case r.reason == ReasonBreakerOpen:
		r.path, r.sidecar = PathLegacy, -1
	}
	s.client.events.put(r)
}

func (s *shadowCall) judge(ctx context.Context) (place string, match bool, why *failure) {
	var err error
	if s.again != nil {
		var again []byte
		if again, err = s.runAgain(ctx); err == nil {
			place, match, err = s.compare.differ(s.old, again)
		}
		return place, match, badCompare(err)
	}
	body, why := s.ask(ctx)
	if why != nil {
		return noPlace, false, why
	}
	if s.custom != nil {
		match, err = guard(func() (bool, error) { return s.custom(body) })
		return noPlace, match, badCompare(err)
	}
	fresh, err := guard(func() ([]byte, error) { return s.fresh(body) })
	if err != nil {
		return noPlace, false, fail(ReasonBadReply, "%w", err)
	}
	place, match, err = s.compare.differ(s.old, fresh)
	return place, match, badCompare(err)
}

func (s *shadowCall) runAgain(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, noiseTime)
	defer cancel()
	return guard(func() ([]byte, error) { return s.again(ctx) })
}

// ask is as a live call asks, but for its mode, and that being shed says nothing of live calls.
func (s *shadowCall) ask(ctx context.Context) ([]byte, *failure) {
	state := s.client.route(s.info.Route)
	t, ok := state.breaker.admit()
	if !ok {
		return nil, &failure{ReasonBreakerOpen, nil}
	}
	reply, why := s.client.exchange(ctx, &s.info, &s.record, s.body, "shadow", time.Now().Add(s.timeout))
	heard := reasonHeard(ctx, why)
	if heard == ReasonOverloaded {
		heard = ReasonCancelled
	}
	state.breaker.heard(t, heard)
	return reply, why
}

func badCompare(err error) *failure {
	if err == nil {
		return nil
	}
	return fail(ReasonBadCompare, "%w", err)
}

// guard makes an error of a panic in the caller's function: nobody waits for it here who could
// recover, and a comparison must not end the process.
func guard[R any](run func() (R, error)) (result R, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("hotpathd: a panic: %v", p)
		}
	}()
	return run()
}

// asJSON is how two results are laid beside each other.
func asJSON[T any](result T, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}
