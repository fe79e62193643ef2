package hotpathd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	eventQueue     = 10000
	eventBatch     = 250 * time.Millisecond // how long an event waits for company: a second is promised
	eventsMaxBytes = 64 << 20
)

// Event tells what became of one call; as JSON it is a line of the events file, the same as the
// Python client's. There is no text of a document in it. Nil is JSON's null: not known, or not so.
type Event struct {
	V         int          `json:"v"`
	TS        string       `json:"ts"`
	Route     string       `json:"route"`
	Mode      Mode         `json:"mode"`
	KeyHash   *string      `json:"key_hash"` // of salt and key
	Bucket    *int         `json:"bucket"`
	Path      Path         `json:"path"`
	Outcome   Outcome      `json:"outcome"`
	Reason    Reason       `json:"reason"`
	SidecarMs *float64     `json:"sidecar_ms"`
	LegacyMs  *float64     `json:"legacy_ms"`
	TotalMs   float64      `json:"total_ms"`
	CPUMs     EventCPU     `json:"cpu_ms"`
	Server    *EventServer `json:"server"`
	Match     *bool        `json:"match"`
	Diff      *string      `json:"diff"` // RFC 6901, of the first difference
	BytesIn   *int         `json:"bytes_in"`
	RequestID string       `json:"request_id"`
	TraceID   *string      `json:"trace_id"`
	Caller    *string      `json:"caller"`
	PID       int          `json:"pid"`
	Host      string       `json:"host"`
	Dropped   int64        `json:"dropped,omitempty"` // events lost just before this one
}

// EventCPU is CPU time in milliseconds.
type EventCPU struct {
	Legacy *float64 `json:"legacy"`
	Client *float64 `json:"client"`
}

// EventServer is what the daemon's Server-Timing says, in milliseconds.
type EventServer struct {
	Queue   *float64 `json:"queue,omitempty"`
	Parse   *float64 `json:"parse,omitempty"`
	Compute *float64 `json:"compute,omitempty"`
	Write   *float64 `json:"write,omitempty"`
}

// record is an event in the making: what the caller knows, unformatted.
type record struct {
	at           time.Time
	rule         routeRule
	route, key   string
	path         Path
	outcome      Outcome
	reason       Reason
	sidecar      time.Duration // negative: not asked
	legacy       time.Duration // negative: not run
	total        time.Duration
	cpuLegacy    time.Duration // negative: not known
	cpuClient    time.Duration
	serverTiming string
	compared     bool
	match        bool
	diff         string
	bytesIn      int // negative: nothing was sent
	requestID    string
	traceparent  string
}

func (r *record) event(caller string) Event {
	e := Event{
		V: 1, TS: r.at.UTC().Format("2006-01-02T15:04:05.000000Z"), Route: r.route, Mode: r.rule.mode(),
		Path: r.path, Outcome: r.outcome, Reason: r.reason,
		SidecarMs: msOf(r.sidecar), LegacyMs: msOf(r.legacy), TotalMs: roundMs(r.total),
		CPUMs: EventCPU{Legacy: msOf(r.cpuLegacy), Client: msOf(r.cpuClient)}, Server: parseServerTiming(r.serverTiming),
		RequestID: r.requestID, PID: os.Getpid(), Host: hostname,
	}
	if r.key != "" {
		hash, bucket := keyHash(r.rule.Salt, r.key), int(bucketOf(r.route, r.rule.Salt, r.key))
		e.KeyHash, e.Bucket = &hash, &bucket
	}
	if r.compared {
		e.Match = &r.match
		if !r.match && r.diff != noPlace {
			e.Diff = &r.diff
		}
	}
	if r.bytesIn >= 0 {
		e.BytesIn = &r.bytesIn
	}
	if len(r.traceparent) >= 35 {
		id := r.traceparent[3:35]
		e.TraceID = &id
	}
	if caller != "" {
		e.Caller = &caller
	}
	return e
}

var hostname, _ = os.Hostname() // without one the field is empty

func roundMs(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }

func msOf(d time.Duration) *float64 {
	if d < 0 {
		return nil
	}
	ms := roundMs(d)
	return &ms
}

// keyHash is how an event names a key without telling it.
func keyHash(salt, key string) string {
	sum := sha256.Sum256([]byte(salt + "\x00" + key))
	return hex.EncodeToString(sum[:8])
}

func parseServerTiming(text string) *EventServer {
	var found EventServer
	seen := false
	for _, metric := range strings.Split(text, ",") {
		name, rest, _ := strings.Cut(strings.Trim(metric, " \t"), ";dur=")
		number, _, _ := strings.Cut(rest, ";")
		ms, ok := parseDuration(strings.Trim(number, " \t"))
		if !ok {
			continue
		}
		for stage, field := range map[string]**float64{
			"queue": &found.Queue, "parse": &found.Parse, "compute": &found.Compute, "write": &found.Write,
		} {
			if stage == name {
				*field, seen = &ms, true
			}
		}
	}
	if !seen {
		return nil
	}
	return &found
}

// parseDuration takes digits and a point: what ParseFloat takes beside is no Server-Timing.
func parseDuration(text string) (ms float64, ok bool) {
	if len(text) > 20 || strings.Trim(text, "0123456789.") != "" {
		return 0, false
	}
	ms, err := strconv.ParseFloat(text, 64)
	return ms, err == nil
}

// events writes records off the callers' path. A full queue or a full disk costs events, which
// are counted, and nothing else.
type events struct {
	caller  string
	hook    func(Event)
	file    *eventFile
	queue   chan *record
	stop    chan struct{}
	ended   sync.WaitGroup
	closing sync.Once
	dropped atomic.Int64
	untold  atomic.Int64 // dropped, and no event has said so yet
	lastErr atomic.Pointer[error]
}

func newEvents(path string, hook func(Event), caller string, maxBytes int64) *events {
	e := &events{caller: caller, hook: hook, queue: make(chan *record, eventQueue), stop: make(chan struct{})}
	if path != "" {
		if maxBytes <= 0 {
			maxBytes = eventsMaxBytes
		}
		e.file = &eventFile{path: path, maxBytes: maxBytes}
	}
	e.ended.Add(1)
	go e.run()
	return e
}

// put never waits.
func (e *events) put(r *record) {
	select {
	case <-e.stop:
		e.drop(1)
		return
	default:
	}
	select {
	case e.queue <- r:
	default:
		e.drop(1)
	}
}

func (e *events) drop(n int64) {
	e.dropped.Add(n)
	e.untold.Add(n)
}

func (e *events) run() {
	defer e.ended.Done()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-e.stop
		cancel()
	}()
	for ctx.Err() == nil {
		select {
		case first := <-e.queue:
			sleep(ctx, eventBatch)
			e.write(first)
		case <-e.stop:
		}
	}
	e.write(nil)
	if e.file != nil {
		e.file.close()
	}
}

// write takes first and what is queued now, in one batch.
func (e *events) write(first *record) {
	var lines bytes.Buffer
	n := int64(0)
	if first != nil {
		e.add(first, &lines)
		n++
	}
	for ; n < eventQueue; n++ { // an end, though callers may be faster than we are
		select {
		case r := <-e.queue:
			e.add(r, &lines)
			continue
		default:
		}
		break
	}
	e.flush(lines.Bytes(), n)
}

func (e *events) add(r *record, lines *bytes.Buffer) {
	event := r.event(e.caller)
	event.Dropped = e.untold.Swap(0)
	if e.file != nil {
		line, err := json.Marshal(event) // of strings and numbers, which cannot fail
		if err == nil {
			lines.Write(append(line, '\n'))
		}
	}
	if e.hook != nil {
		if _, err := guard(func() (struct{}, error) { e.hook(event); return struct{}{}, nil }); err != nil {
			e.trouble("OnEvent failed", err)
		}
	}
}

// trouble is told once; what follows is only counted.
func (e *events) trouble(what string, err error) {
	if e.lastErr.Swap(&err) == nil {
		logLine(what+"; further failures are not told", "error", err.Error())
	}
}

func (e *events) flush(lines []byte, n int64) {
	if len(lines) == 0 {
		return
	}
	if err := e.file.append(lines); err != nil {
		e.drop(n)
		e.trouble("events not written", err)
	}
}

func (e *events) close() {
	e.closing.Do(func() { close(e.stop) })
	e.ended.Wait()
}

// eventFile is opened for appending, and each batch is one write, so that processes may share it.
// At maxBytes it is renamed to PATH.1, by whichever process comes first.
type eventFile struct {
	path     string
	maxBytes int64
	file     *os.File
	torn     bool // a full disk has cut a line, and the next one begins on a new one
}

func (f *eventFile) append(lines []byte) error {
	if err := f.reopen(); err != nil {
		return err
	}
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() > 0 && info.Size()+int64(len(lines)) > f.maxBytes {
		if err := f.turn(); err != nil {
			return err
		}
	}
	if f.torn {
		lines = append([]byte{'\n'}, lines...)
	}
	n, err := f.file.Write(lines)
	f.torn = err != nil && (f.torn || n > 0)
	return err
}

func (f *eventFile) reopen() error {
	if f.file != nil && !f.isCurrent() {
		f.close() // another process has turned it over, or it was removed
	}
	if f.file != nil {
		return nil
	}
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err == nil {
		f.file = file
	}
	return err
}

func (f *eventFile) isCurrent() bool {
	there, err := os.Stat(f.path)
	if err != nil {
		return false
	}
	here, err := f.file.Stat()
	return err == nil && os.SameFile(there, here)
}

func (f *eventFile) turn() error {
	unlock, err := lockFile(f.file) // on the file itself: its renamer is alone with it
	if err != nil {
		return err
	}
	if f.isCurrent() {
		err = os.Rename(f.path, f.path+".1")
	}
	unlock()
	if err != nil {
		return err
	}
	return f.reopen()
}

func (f *eventFile) close() {
	if f.file != nil {
		f.file.Close() // each write has been answered for
		f.file = nil
	}
}
