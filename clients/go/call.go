package hotpathd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Call is one piece of work that either the sidecar or the old code can do.
type Call[T any] struct {
	// Route is the hot path by name: chunk, score.
	Route string

	// Body is the request: ChunkRequest, or anything else that encoding/json can write (which
	// silently replaces what is not UTF-8; ChunkRequest does not). A json.RawMessage goes out as
	// it is.
	Body any

	// Reply makes the result of a successful reply's body, which it may keep. An error, or a panic,
	// sends the call to Legacy. Where it is nil the body is decoded into T as JSON.
	Reply func(body []byte) (T, error)

	// Legacy is the old code. It must be there.
	Legacy func(ctx context.Context) (T, error)

	// Key chooses the canary's slice: the same key always takes the same path. A document, user
	// or tenant id does well. An empty key is no key, and such a call is drawn at random.
	Key string

	// Timeout is all the time that the sidecar may cost, from the first byte sent to the last one
	// read. Zero or less leaves it to the daemon's setting for the route, else 250 ms. It ends
	// before the context's own deadline, by what the old code has taken of late.
	Timeout time.Duration

	// Compare, where set, tells in mode shadow whether the sidecar's result is as good as the old
	// one. It runs later, on another goroutine: the old result must not be changed any more.
	// Where it is nil both are compared as JSON, by Comparison, and the old result is looked at
	// before the caller has it.
	Compare func(legacy, sidecar T) bool

	// Comparison has the exceptions of the comparison as JSON.
	Comparison Comparison
}

// CallInfo tells how a call went. There is nothing of the document in it.
type CallInfo struct {
	Route     string
	Mode      Mode
	RequestID string // as the daemon's log has it
	Outcome   Outcome
	Path      Path
	Reason    Reason // why the sidecar's reply was not used
	Err       error  // more about Reason, where there is more; for people, not for code

	SidecarTime time.Duration // spent on the sidecar, in vain or not
	LegacyTime  time.Duration
	TotalTime   time.Duration
}

// Do makes a call: the sidecar's result where the route's mode says so and the sidecar is well
// and in time, else the result of Legacy. The error is the one of Legacy, or ctx.Err() where the
// caller itself gave up, in which case Legacy is not run. It is never the sidecar's.
func Do[T any](ctx context.Context, client *Client, call Call[T]) (T, error) {
	if call.Legacy == nil {
		panic("hotpathd: a Call without Legacy") // at its first call, not at the first outage
	}
	r := run[T]{ctx: ctx, client: client, call: call, started: client.now()}
	r.info = CallInfo{Route: call.Route, RequestID: newRequestID()}
	if client.events != nil {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		r.record = newRecord(call.Route, call.Key)
		r.cpuStarted, r.hasCPU = threadCPU()
	}
	result, err := r.do()
	if r.ended == 0 {
		r.ended = client.now()
	}
	r.info.TotalTime = r.ended - r.started
	if r.record != nil && !r.handedOn {
		r.finish(r.record)
		r.size(r.record)
		client.events.put(r.record)
	}
	if client.onCall != nil {
		client.onCall(r.info)
	}
	return result, err
}

// run is one call under way.
type run[T any] struct {
	ctx     context.Context
	client  *Client
	call    Call[T]
	rule    routeRule
	state   *routeState
	info    CallInfo
	started time.Duration // as the client's clock has it
	ended   time.Duration // where it was read already: a third of a call that asks nobody is clock

	record     *record // nil where nobody wants events
	handedOn   bool    // to a comparison, which will tell
	hasCPU     bool
	cpuStarted time.Duration
	cpuLegacy  time.Duration // as Legacy began
	cpuEnded   time.Duration // as Legacy ended; 0 where it was not run
}

func (r *run[T]) do() (T, error) {
	r.info.Outcome, r.info.Path = OutcomeLegacy, PathLegacy
	r.state = r.client.route(r.call.Route)
	rule, reason := r.client.decide(r.call.Route, r.call.Key)
	r.rule, r.info.Mode = rule, rule.mode()
	if reason == "" {
		t, ok := r.state.breaker.admit()
		if ok {
			result, why := r.ask(t)
			if why == nil {
				r.info.Outcome, r.info.Path = OutcomeOK, PathSidecar
				return result, nil
			}
			r.info.Outcome, r.info.Err, reason = OutcomeFallback, why.err, why.reason
		} else {
			reason = ReasonBreakerOpen
		}
	}
	r.info.Reason = reason
	if err := gaveUp(r.ctx); err != nil {
		var none T
		r.info.Outcome, r.info.Path = OutcomeCancelled, PathNone
		return none, err
	}
	if reason == ReasonShadow {
		return r.shadowed()
	}
	started := r.started
	if r.info.Outcome == OutcomeFallback {
		started = r.client.now()
	}
	result, err := r.legacy(started)
	r.ended = started + r.info.LegacyTime
	return result, err
}

func (r *run[T]) legacy(started time.Duration) (T, error) {
	if r.hasCPU {
		r.cpuLegacy, _ = threadCPU()
	}
	result, err := r.call.Legacy(r.ctx)
	r.info.LegacyTime = r.client.now() - started
	if r.hasCPU {
		r.cpuEnded, _ = threadCPU()
	}
	r.state.learn(r.info.LegacyTime)
	return result, err
}

// ask gets the result from the sidecar. A panic over the body or the reply is an error of theirs:
// most often the reply is not what Reply takes it for, and the old code is still there.
func (r *run[T]) ask(t ticket) (result T, why *failure) {
	heard := ReasonCancelled
	started := r.client.now()
	end, isCut := r.end()
	defer func() {
		r.info.SidecarTime = r.client.now() - started
		r.state.breaker.heard(t, heard)
	}()
	room := bodies.Get().(*[]byte)
	defer putBack(room)
	encoded, err := guard(func() ([]byte, error) { return encode(r.call.Body, room) })
	if err != nil {
		why = fail(ReasonContract, "%w", err)
	} else {
		var body []byte
		body, why = r.client.exchange(r.ctx, &r.info, r.record, encoded, "live", end)
		if why == nil {
			if result, err = guard(func() (T, error) { return readReply(r.call.Reply, body) }); err != nil {
				var none T
				result, why = none, fail(ReasonBadReply, "%w", err)
			}
		}
	}
	heard = reasonHeard(r.ctx, why)
	if isCut && heard == ReasonTimeout { // a caller in haste says nothing of the sidecar
		heard = ReasonCancelled
	}
	if why == nil && !isCut && !time.Now().Before(end) {
		heard = ReasonTimeout // Reply took too long: it cannot be broken off, but the breaker can spare the next
	}
	return result, why
}

func (r *run[T]) timeout() time.Duration {
	if r.call.Timeout > longestTimeout {
		return longestTimeout
	}
	if r.call.Timeout > 0 {
		return r.call.Timeout
	}
	return r.rule.timeout()
}

// end is the end of the budget: before the caller's own deadline, which may cut it short, there is
// room for the old code.
func (r *run[T]) end() (end time.Time, isCut bool) {
	end = r.client.started.Add(r.started + r.timeout())
	if deadline, ok := r.ctx.Deadline(); ok {
		if deadline = deadline.Add(-r.state.reserve()); deadline.Before(end) {
			return deadline, true
		}
	}
	return end, false
}

// shadowed runs the old code, and hands its result on to be compared. The request is written
// before: the old code may change what it is made of.
func (r *run[T]) shadowed() (T, error) {
	if r.client.events == nil || !r.rule.isCompared(r.call.Route, r.call.Key) {
		return r.legacy(r.client.now()) // nobody would hear of the comparison
	}
	body, err := guard(func() ([]byte, error) { return encode(r.call.Body, new([]byte)) }) // which the comparison keeps
	if err != nil {
		r.info.Err = err
		return r.legacy(r.client.now())
	}
	result, err := r.legacy(r.client.now())
	if err == nil {
		r.handOn(result, body)
	}
	return result, err
}

func (r *run[T]) handOn(old T, body []byte) {
	s := &shadowCall{client: r.client, rule: r.rule, body: body, timeout: r.timeout(), comparison: r.comparison(old)}
	if s.custom == nil {
		var err error
		if s.old, err = guard(func() ([]byte, error) { return asJSON(old, nil) }); err != nil {
			r.info.Err = err
			return
		}
	}
	r.info.TotalTime = r.client.now() - r.started
	s.info, s.record = r.info, *r.record
	s.record.traceparent = r.client.traceparentOf(r.ctx)
	r.finish(&s.record)
	r.handedOn = r.client.shadow.offer(shadowJob{size: int64(len(body) + len(s.old)), run: s.run, drop: s.drop})
	if !r.handedOn {
		r.info.Reason = ReasonShadowDropped
	}
}

func (r *run[T]) comparison(old T) comparison {
	call := r.call
	c := comparison{compare: call.Comparison}
	if r.client.noise > 0 && inSlice(drawBucket(), r.client.noise) {
		c.again = func(ctx context.Context) ([]byte, error) { return asJSON(call.Legacy(ctx)) }
		return c
	}
	if call.Compare != nil {
		c.custom = func(body []byte) (bool, error) {
			fresh, err := readReply(call.Reply, body)
			return err == nil && call.Compare(old, fresh), err
		}
		return c
	}
	c.fresh = func(body []byte) ([]byte, error) { return asJSON(readReply(call.Reply, body)) }
	return c
}

func newRecord(route, key string) *record {
	return &record{at: time.Now(), route: route, key: key, sidecar: -1, legacy: -1, cpuLegacy: -1, cpuClient: -1, bytesIn: -1}
}

// finish fills in what the call has come to.
func (r *run[T]) finish(to *record) {
	info := &r.info
	to.rule, to.requestID, to.total = r.rule, info.RequestID, info.TotalTime
	to.outcome, to.reason, to.path = info.Outcome, info.Reason, info.Path
	if info.Outcome == OutcomeFallback || info.Outcome == OutcomeOK || info.SidecarTime > 0 {
		to.sidecar = info.SidecarTime
	}
	if info.Outcome == OutcomeCancelled { // in the words of the events
		to.outcome, to.reason, to.path = OutcomeFallback, ReasonCancelled, PathLegacy
	} else if info.Outcome != OutcomeOK {
		to.legacy = info.LegacyTime
	}
	if !r.hasCPU {
		return
	}
	if r.cpuEnded > 0 {
		to.cpuLegacy, to.cpuClient = r.cpuEnded-r.cpuLegacy, r.cpuLegacy-r.cpuStarted
	} else if now, ok := threadCPU(); ok {
		to.cpuClient = now - r.cpuStarted
	}
}

// sizedPercent of the calls that a canary leaves to the old path: writing a request takes its
// caller's time, after the old code's.
const sizedPercent = 5

// size says how large the request would have been: the report compares both paths by size.
func (r *run[T]) size(to *record) {
	if to.reason != ReasonCanary || !inSlice(drawBucket(), sizedPercent) {
		return
	}
	room := bodies.Get().(*[]byte)
	defer putBack(room)
	if body, err := guard(func() ([]byte, error) { return encode(r.call.Body, room) }); err == nil {
		to.bytesIn = len(body)
	}
}

func readReply[T any](read func([]byte) (T, error), body []byte) (T, error) {
	if read != nil {
		return read(body)
	}
	var result T
	err := json.Unmarshal(body, &result)
	return result, err
}

// exchange brings the body of the route's 200.
func (c *Client) exchange(ctx context.Context, info *CallInfo, r *record, body []byte, mode string, end time.Time) ([]byte, *failure) {
	headers := append(make([]byte, 0, 256), "Content-Type: application/json\r\nX-Request-Id: "...)
	headers = append(append(headers, info.RequestID...), "\r\nX-Hotpath-Mode: "...)
	headers = c.callerHeader(append(append(headers, mode...), "\r\n"...))
	trace := ""
	if r != nil {
		r.bytesIn, trace = len(body), r.traceparent
	}
	if trace == "" {
		trace = c.traceparentOf(ctx)
	}
	if trace != "" {
		headers = append(append(append(headers, "traceparent: "...), trace...), "\r\n"...)
	}
	req := request{method: "POST", path: "/v1/" + info.Route, headers: headers, body: body}
	reply, why := c.transport.exchange(ctx, &budget{end: end}, req)
	if why != nil {
		return nil, why
	}
	if r != nil {
		r.serverTiming, r.traceparent = reply.serverTiming.value, trace
	}
	if why = checkReply(reply, info); why != nil {
		return nil, why
	}
	if len(reply.body) > smallReply && !isReadBy(end, reply.body) {
		return nil, fail(ReasonTimeout, "there is no time to read a reply of %d bytes", len(reply.body))
	}
	if !utf8.Valid(reply.body) { // encoding/json would put U+FFFD in place of what is not
		return nil, fail(ReasonBadReply, "the reply is not UTF-8")
	}
	return reply.body, nil
}

const (
	smallReply = 64 << 10              // is read in any case: 20 ms at worst
	perByte    = 8 * time.Nanosecond   // what encoding/json takes for long strings
	perValue   = 300 * time.Nanosecond // and for a small value, with its room and the collecting of it
)

// isReadBy says whether a body can be read until then: reading it cannot be broken off.
func isReadBy(end time.Time, body []byte) bool {
	left := time.Until(end) - time.Duration(len(body))*perByte
	if left <= 0 {
		return false // at once, as counting takes its time too
	}
	values := 0
	for _, sign := range []string{",", "[", "{"} {
		values += bytes.Count(body, []byte(sign))
	}
	return time.Duration(values)*perValue <= left
}

func (c *Client) callerHeader(to []byte) []byte {
	if c.caller == "" {
		return to
	}
	return append(append(append(to, "X-Hotpath-Caller: "...), c.caller...), "\r\n"...)
}

// checkReply refuses all but a 200 of the daemon that speaks this contract and means this request.
func checkReply(r *reply, info *CallInfo) *failure {
	if r.status != 200 {
		p := readProblem(r)
		return &failure{reasonOf(r.status, p.Code), problemError{r.status, p}}
	}
	if media, _, _ := strings.Cut(r.contentType.value, ";"); !strings.EqualFold(strings.Trim(media, " \t"), "application/json") {
		return fail(ReasonBadReply, "the reply is not application/json")
	}
	if want := contractOf(info.Route); r.contract.value != want {
		return fail(ReasonBadReply, "the reply's contract is %.40q, not %q", r.contract.value, want)
	}
	if r.requestID.value != "" && r.requestID.value != info.RequestID {
		return fail(ReasonBadReply, "the reply is of another request")
	}
	return nil
}

func contractOf(route string) string {
	if route == "rerank" { // another name of the same route
		route = "score"
	}
	return route + "/1"
}

const maxProblemBytes = 64 << 10 // ours are below one; reading is not within anybody's budget

// problem is what of an application/problem+json this client looks at.
type problem struct{ Code, Pointer, Stage string }

func readProblem(r *reply) (p problem) {
	var members map[string]any
	if len(r.body) > maxProblemBytes || !utf8.Valid(r.body) || json.Unmarshal(r.body, &members) != nil {
		return problem{} // the status alone must do
	}
	p.Code, _ = members["code"].(string)
	p.Pointer, _ = members["pointer"].(string)
	p.Stage, _ = members["stage"].(string)
	return p
}

type problemError struct {
	status int
	problem
}

func (e problemError) Error() string {
	text := fmt.Sprintf("hotpathd: the daemon replied %d", e.status)
	for _, more := range []string{e.Code, e.Pointer, e.Stage} {
		if more != "" {
			text += fmt.Sprintf(" %.64s", more)
		}
	}
	return text
}

// bodies are rooms to write requests in: a megabyte that is new for each call is cleared for each.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

const largestKept = 4 << 20

func putBack(room *[]byte) {
	if cap(*room) <= largestKept {
		bodies.Put(room)
	}
}

// encode writes the request's body, into room where it is ours to write. Raw JSON goes out as it
// is: nothing reads it after the call.
func encode(body any, room *[]byte) (encoded []byte, err error) {
	if request, ok := ours(body); ok {
		if encoded, err = request.appendJSON((*room)[:0]); err == nil {
			*room = encoded
		}
		return encoded, err
	}
	if raw, ok := body.(json.RawMessage); ok {
		return raw, nil
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // \u003c for each < would only make HTML larger
	err = encoder.Encode(body)
	return out.Bytes(), err
}

type appender interface {
	appendJSON(dst []byte) ([]byte, error)
}

func ours(body any) (appender, bool) {
	switch body := body.(type) {
	case ChunkRequest:
		return body, true
	case *ChunkRequest:
		return body, body != nil
	case ScoreRequest:
		return body, true
	case *ScoreRequest:
		return body, body != nil
	}
	return nil, false
}

// gaveUp is ctx.Err(), but sure of a deadline that passed a moment before its timer fires.
func gaveUp(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// reasonHeard is what the breaker learns of an exchange: nothing of the sidecar where it was the
// caller who ended it.
func reasonHeard(ctx context.Context, why *failure) Reason {
	switch {
	case why == nil:
		return ""
	case gaveUp(ctx) != nil:
		return ReasonCancelled
	}
	return why.reason
}

var (
	idPrefix  = fmt.Sprintf("%016x", random())
	idNumbers atomic.Uint64
)

// newRequestID is a random half for each process, and a number.
func newRequestID() string {
	const digits = "0123456789abcdef"
	var id [32]byte
	copy(id[:], idPrefix)
	for i, n := 31, idNumbers.Add(1); i >= 16; i, n = i-1, n>>4 {
		id[i] = digits[n&15]
	}
	return string(id[:])
}
