package hotpathd

import (
	"bytes"
	"compress/gzip"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// One connection that means harm, and then good ones: the old code's result, in time, and the next
// call is as good as ever.

var goodReply = okReply(`{"text":"good"}`)

// reset says a text and ends the connection by RST.
func reset(text string) func(int, *peer) {
	return func(_ int, p *peer) {
		p.request()
		p.say(text)
		if tcp, ok := p.Conn.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
	}
}

// answering says a text to the first request, and goes on well.
func answering(text string) func(int, *peer) {
	return func(n int, p *peer) {
		p.request()
		p.say(text)
		answerAll(goodReply)(n, p)
	}
}

func holding(text string) func(int, *peer) {
	return func(_ int, p *peer) {
		p.request()
		p.say(text)
		p.untilClosed()
	}
}

func gzipped(text string) string {
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	writer.Write([]byte(text))
	writer.Close()
	return out.String()
}

var hostileOnce = []struct {
	name   string
	handle func(int, *peer)
	reason Reason
}{
	{"nothing", holding(""), ReasonTimeout},
	{"a byte each 10 ms", drip(head("X-Long: "+strings.Repeat("x", 1000), "Content-Length: 2") + "{}"), ReasonTimeout},
	{"a reset", reset(""), ReasonConnect},
	{"a reset after the head", reset(head("Content-Length: 10")), ReasonConnect},
	{"a reset within the body", reset(head("Content-Length: 10") + "{}"), ReasonConnect},
	{"the end after the head", once(head("Content-Length: 2")), ReasonConnect},
	{"a length that is too long", holding(head("Content-Length: 10") + "{}"), ReasonTimeout},
	{"a length that is too short", holding(head("Content-Length: 5") + `{"text":"x"}`), ReasonBadReply},
	{"a head of 1 MiB", holding(head("X-Long: "+strings.Repeat("x", 1<<20), "Content-Length: 2") + "{}"), ReasonBadReply},
	{"junk for a chunk", holding(head("Transfer-Encoding: chunked") + "2\r\n{}\r\njunk\r\n"), ReasonBadReply},
	{"a body without end", flood, ReasonBadReply},
	{"gzip", answering(okReply(gzipped(`{"text":"x"}`))), ReasonBadReply},
	{"a redirect", answering("HTTP/1.1 307 X\r\nLocation: /v1/chunk\r\nContent-Length: 0\r\n\r\n"), ReasonBadReply},
	{"deep JSON", answering(okReply(strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000))), ReasonBadReply},
	{"NaN", answering(okReply(`{"tokens":NaN}`)), ReasonBadReply},
	{"a number beyond a double", answering(okReply(`{"tokens":1e999}`)), ReasonBadReply},
	{"no UTF-8", answering(okReply("{\"text\":\"\xc3\x28\"}")), ReasonBadReply},
}

func TestAGoodConnectionAfterAHostileOneIsAsGoodAsEver(t *testing.T) {
	for _, fault := range hostileOnce {
		fault := fault
		t.Run(fault.name, func(t *testing.T) {
			c := stringCall()
			if fault.reason == ReasonTimeout {
				c.Timeout = patience
			}
			c.Reply = func(body []byte) (string, error) {
				reply, err := readReply[ChunkReply](nil, body)
				return reply.Text, err
			}
			later := c
			later.Timeout = enough
			inTimeOf(t, patience, func() time.Duration { // what is not late takes no time at all
				server := serveFaults(t, "tcp", func(n int, p *peer) {
					if n > 0 {
						answerAll(goodReply)(n, p)
					} else {
						fault.handle(n, p)
					}
				})
				client, last := on(t, server.url)
				client.transport.maxReply = 64 << 10
				started := time.Now()
				got := call(t, client, c)
				took := time.Since(started)
				wantFallback(t, got, last, fault.reason)
				wantOK(t, call(t, client, later), "good", last)
				client.Close()
				return took
			})
		})
	}
}

func TestABodyWithoutEndTakesNoMoreMemoryThanItsCeiling(t *testing.T) {
	client, last := on(t, serveFaults(t, "unix", flood).url)
	client.transport.maxReply = 1 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	wantFallback(t, call(t, client, stringCall()), last, ReasonBadReply)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
		t.Errorf("%d bytes for a ceiling of 1 MiB", took)
	}
}

func TestAnOddReplyIsOneAndTheNextCallHasItsOwn(t *testing.T) {
	first := okReply(`"first"`)
	for name, text := range map[string]string{
		"two replies in one write": first + okReply(`"second"`),
		"100 Continue before it":   "HTTP/1.1 100 Continue\r\n\r\n" + first,
		"no reason":                strings.Replace(first, "200 X", "200", 1),
		"an empty reason":          strings.Replace(first, "200 X", "200 ", 1),
	} {
		server := serveFaults(t, "tcp", func(n int, p *peer) {
			if n == 0 {
				answering(text)(n, p)
			} else {
				answerAll(goodReply)(n, p)
			}
		})
		client, last := on(t, server.url)
		wantOK(t, call(t, client, stringCall()), `"first"`, last)
		wantOK(t, call(t, client, stringCall()), `{"text":"good"}`, last)
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

// The server hangs up in the moment of reuse: no byte of a reply had come, so it is asked again.
func TestAConnectionThatEndsJustBeforeItsReuseIsNoFailure(t *testing.T) {
	server := serveFaults(t, "tcp", func(_ int, p *peer) {
		p.request()
		p.say(goodReply)
		time.AfterFunc(time.Millisecond, func() { p.Close() })
		p.untilClosed()
	})
	client, last := on(t, server.url)
	for range [40]int{} { // at some of them the end has been seen, at some it comes with the request
		wantOK(t, call(t, client, stringCall()), `{"text":"good"}`, last)
	}
}
