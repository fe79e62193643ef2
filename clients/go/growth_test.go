package hotpathd

import (
	"encoding/json"
	"runtime"
	"sync"
	"testing"
	"time"
)

const (
	growthCalls   = 2000 // of each fault
	growthCallers = 32
)

// waysToEnd has one fault for each place at which an exchange is broken off.
var waysToEnd = []string{
	"never answers", "hangs up at once", "hangs up after the request", "drips the header", "drips the body",
	"answers garbage", "a body shorter than its Content-Length", "a body longer than its Content-Length", "a broken chunk",
	"broken JSON", "no contract", "a stranger's 404",
}

func faultNamed(t *testing.T, name string) func(int, *peer) {
	for _, fault := range faults {
		if fault.name == name {
			return fault.handle
		}
	}
	t.Fatal("no fault is named ", name)
	return nil
}

func TestTwoThousandCallsOfAFaultLeaveNothingBehind(t *testing.T) {
	for _, name := range waysToEnd {
		t.Run(name, func(t *testing.T) {
			server := serveFaults(t, "unix", faultNamed(t, name))
			client, _ := quiet(t, server.url)
			client.transport.maxReply = 16 << 10
			callMany(client, growthCallers)
			before := leftBy(t, client, server)
			callMany(client, growthCalls)
			after := before
			t.Cleanup(func() { t.Logf("%+v, then %+v", before, after) })
			eventually(t, "as few goroutines and files as before", func() bool { // the server may have connections to accept yet
				after = leftBy(t, client, server)
				return after.goroutines <= before.goroutines && after.files <= before.files
			})
			if after.heap > before.heap+2<<20 { // a kilobyte a call
				t.Errorf("%d bytes, then %d", before.heap, after.heap)
			}
		})
	}
}

// callMany makes calls by several callers at once, none of which waits long.
func callMany(client *Client, calls int) {
	c := stringCall()
	c.Timeout = 2 * time.Millisecond
	c.Reply = func(body []byte) (string, error) { return "", json.Unmarshal(body, new(ChunkReply)) }
	var callers sync.WaitGroup
	for i := 0; i < growthCallers; i++ {
		callers.Add(1)
		go func() {
			defer callers.Done()
			for n := 0; n < calls/growthCallers+1; n++ {
				Do(background, client, c)
			}
		}()
	}
	callers.Wait()
}

type left struct {
	goroutines, files int
	heap              uint64
}

func leftBy(t *testing.T, client *Client, server *faultServer) left {
	client.transport.close() // what is kept for the next call
	client.transport.closed = false
	server.settle(t)
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return left{runtime.NumGoroutine(), openFiles(t), memory.HeapAlloc}
}
