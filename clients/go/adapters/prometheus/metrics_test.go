package prometheus

import (
	"context"
	"strings"
	"testing"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestCountsTheCallsOfAClient(t *testing.T) {
	registry := prometheus.NewRegistry()
	onEvent, err := OnEvent(registry)
	if err != nil {
		t.Fatal(err)
	}
	client := hotpathd.New(hotpathd.Config{URL: "unix:/nowhere/s", OnEvent: onEvent,
		Modes: map[string]hotpathd.Mode{"chunk": "on", "score": "off"}})
	for _, route := range []string{"chunk", "chunk", "score"} {
		hotpathd.Do(context.Background(), client, hotpathd.Call[int]{Route: route, Body: 1,
			Legacy: func(context.Context) (int, error) { return 1, nil }})
	}
	client.Close() // the events are told by then
	want := `
		# HELP hotpathd_client_calls_total Calls by what became of them.
		# TYPE hotpathd_client_calls_total counter
		hotpathd_client_calls_total{mode="on",outcome="fallback",path="legacy",reason="connect",route="chunk"} 2
		hotpathd_client_calls_total{mode="off",outcome="legacy",path="legacy",reason="off",route="score"} 1
	`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "hotpathd_client_calls_total"); err != nil {
		t.Error(err)
	}
	if n := testutil.CollectAndCount(registry, "hotpathd_client_seconds"); n != 5 { // score was not asked
		t.Errorf("%d series of times", n)
	}
}

func TestCountsComparisonsAndLosses(t *testing.T) {
	registry := prometheus.NewRegistry()
	onEvent, _ := OnEvent(registry)
	for _, match := range []bool{true, false, true} {
		onEvent(hotpathd.Event{Route: "chunk", Match: &match, Dropped: 2})
	}
	want := `
		# HELP hotpathd_client_comparisons_total Comparisons of mode shadow.
		# TYPE hotpathd_client_comparisons_total counter
		hotpathd_client_comparisons_total{match="false",route="chunk"} 1
		hotpathd_client_comparisons_total{match="true",route="chunk"} 2
		# HELP hotpathd_client_events_dropped_total Events lost for a full queue or disk.
		# TYPE hotpathd_client_events_dropped_total counter
		hotpathd_client_events_dropped_total 6
	`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"hotpathd_client_comparisons_total", "hotpathd_client_events_dropped_total"); err != nil {
		t.Error(err)
	}
	if _, err := OnEvent(registry); err == nil {
		t.Error("it was registered twice")
	}
}
