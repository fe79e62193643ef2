package hotpathd

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// A caller may give up at any moment: it gets its own error, at once, and the old code is not run.

// stages of a call that wait for the daemon; a script closes arrived where its stage is reached.
var stages = []struct {
	name   string
	script func(arrived func(), n int, p *peer)
}{
	{"before the request is read", func(arrived func(), n int, p *peer) {
		time.Sleep(time.Millisecond) // the socket's buffer is full by then
		arrived()
		time.Sleep(patience)
	}},
	{"before the first byte", func(arrived func(), n int, p *peer) {
		p.request()
		arrived()
		p.untilClosed()
	}},
	{"in an interim reply", func(arrived func(), n int, p *peer) {
		p.request()
		p.say("HTTP/1.1 100 Continue\r\n\r\n")
		arrived()
		p.untilClosed()
	}},
	{"in the head", func(arrived func(), n int, p *peer) {
		p.request()
		p.say("HTTP/1.1 200 OK\r\nContent-Ty")
		arrived()
		p.untilClosed()
	}},
	{"in the body", func(arrived func(), n int, p *peer) {
		p.request()
		p.say(head("Content-Length: 1000") + `{"text":`)
		arrived()
		p.untilClosed()
	}},
	{"in a chunked body", func(arrived func(), n int, p *peer) {
		p.request()
		p.say(head("Transfer-Encoding: chunked") + "5\r\n{")
		arrived()
		p.untilClosed()
	}},
	{"in a problem's body", func(arrived func(), n int, p *peer) {
		p.request()
		p.say("HTTP/1.1 429 X\r\nContent-Length: 1000\r\n\r\n{")
		arrived()
		p.untilClosed()
	}},
	{"in the second try", func(arrived func(), n int, p *peer) {
		p.request()
		if n == 0 {
			p.say(okReply("{}"))
			p.request() // and hangs up
			return
		}
		arrived()
		p.untilClosed()
	}},
}

func TestACallerMayGiveUpAtEveryStage(t *testing.T) {
	for _, stage := range stages {
		stage := stage
		t.Run(stage.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(context.Background())
			client, last := on(t, serveFaults(t, "unix", func(n int, p *peer) { stage.script(cancel, n, p) }).url)
			if stage.name == "in the second try" {
				wantOK(t, call(t, client, stringCall()), "{}", last)
			}
			c := neverLegacy(t)
			c.Body = json.RawMessage(`"` + strings.Repeat("x", 4<<20) + `"`)
			started := time.Now()
			got, err := Do(ctx, client, c)
			wantGivenUp(t, got, err, context.Canceled, last)
			if took := time.Since(started); took > c.Timeout/4 {
				t.Errorf("took %v", took)
			}
			if n := len(client.transport.slots); n != 0 {
				t.Errorf("%d slots are taken", n)
			}
		})
	}
}

func TestACallerMayGiveUpWhileItWaitsForAConnection(t *testing.T) {
	client, last := on(t, "unix:/nowhere")
	for range [maxOpen]int{} {
		client.transport.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(time.Millisecond, cancel)
	got, err := Do(ctx, client, neverLegacy(t))
	wantGivenUp(t, got, err, context.Canceled, last)
	if n := len(client.transport.slots); n != maxOpen {
		t.Errorf("%d slots are taken", n)
	}
}

// A result that is there is the caller's; a refusal of one that gave up meanwhile runs no old code.
func TestACallerMayGiveUpWhileItsReplyIsRead(t *testing.T) {
	client, last := on(t, serveFaults(t, "unix", answerAll(okReply("{}"))).url)
	ctx, cancel := context.WithCancel(context.Background())
	c := neverLegacy(t)
	c.Reply = func([]byte) (string, error) { cancel(); return "read", nil }
	if got, err := Do(ctx, client, c); got != "read" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	c.Reply = func([]byte) (string, error) { cancel(); return "", context.Canceled }
	got, err := Do(ctx, client, c)
	wantGivenUp(t, got, err, context.Canceled, last)
}
