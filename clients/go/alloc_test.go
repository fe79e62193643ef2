package hotpathd

import (
	"context"
	"encoding/json"
	"testing"
	"time"
)

// A call that does not ask the sidecar costs its request's id, and the box that Body is put in.
func TestACallOnTheOldPathAllocatesOnceAtMost(t *testing.T) {
	quietly := func(string, string) {}
	off := New(Config{URL: "unix:/nowhere", Modes: map[string]Mode{}})
	canary := New(Config{URL: "unix:/nowhere", Canary: map[string]float64{"chunk": 0}})
	broken := New(Config{URL: "unix:/nowhere", Modes: map[string]Mode{"chunk": ModeOn}, Breaker: Breaker{Open: time.Hour}, OnStateChange: quietly})
	c := Call[string]{Route: "chunk", Key: "doc-2", Body: json.RawMessage("{}"), Reply: asText,
		Legacy: func(context.Context) (string, error) { return "legacy", nil }}
	for range [30]int{} {
		Do(background, broken, c)
	}
	for name, client := range map[string]*Client{"off": off, "out of the canary": canary, "breaker open": broken} {
		defer client.Close()
		if n := testing.AllocsPerRun(200, func() { Do(background, client, c) }); n > 1 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
