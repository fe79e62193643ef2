package opentelemetry

import (
	"context"
	"testing"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"
)

// collect has the sums by the instrument's name, and of histograms their counts.
func collect(t *testing.T, reader metric.Reader) map[string]int64 {
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	found := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, point := range data.DataPoints {
					reason, _ := point.Attributes.Value("reason")
					found[m.Name+reason.AsString()] += point.Value
				}
			case metricdata.Histogram[float64]:
				for _, point := range data.DataPoints {
					what, _ := point.Attributes.Value(attribute.Key("what"))
					found[m.Name+what.AsString()] += int64(point.Count)
				}
			}
		}
	}
	return found
}

func TestCountsTheCallsOfAClient(t *testing.T) {
	reader := metric.NewManualReader()
	onEvent, err := OnEvent(metric.NewMeterProvider(metric.WithReader(reader)).Meter("hotpathd"))
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
	match := true
	onEvent(hotpathd.Event{Route: "chunk", Match: &match, Dropped: 2})
	found := collect(t, reader)
	for name, want := range map[string]int64{
		"hotpathd.client.callsconnect": 2, "hotpathd.client.callsoff": 1, "hotpathd.client.durationsidecar": 2,
		"hotpathd.client.durationlegacy": 3, "hotpathd.client.comparisons": 1, "hotpathd.client.events.dropped": 2,
	} {
		if found[name] != want {
			t.Errorf("%s is %d, want %d", name, found[name], want)
		}
	}
}

func TestTheCurrentSpanIsForwarded(t *testing.T) {
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2}, SpanID: trace.SpanID{3}, TraceFlags: trace.FlagsSampled})
	ctx := trace.ContextWithSpanContext(context.Background(), span)
	if got, want := Traceparent(ctx), "00-01020000000000000000000000000000-0300000000000000-01"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Traceparent(context.Background()); got != "" {
		t.Errorf("%q without a span", got)
	}
}
