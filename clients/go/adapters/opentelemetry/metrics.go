// Package opentelemetry carries a Go client's calls to OpenTelemetry: its metrics, and the current
// span to the daemon.
//
//	onEvent, err := opentelemetry.OnEvent(otel.Meter("hotpathd"))
//	sidecar := hotpathd.New(hotpathd.Config{OnEvent: onEvent, Traceparent: opentelemetry.Traceparent})
package opentelemetry

import (
	"context"
	"errors"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
)

// Traceparent is what Config.Traceparent takes: the span that a call's context holds.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

type metrics struct {
	calls, comparisons, dropped metric.Int64Counter
	seconds                     metric.Float64Histogram
}

// OnEvent makes the instruments and returns what Config.OnEvent takes. The error is the meter's.
//
//	hotpathd.client.calls        {route, mode, path, outcome, reason}
//	hotpathd.client.duration     s, {route, what}; what = sidecar | legacy | total
//	hotpathd.client.comparisons  {route, match}
//	hotpathd.client.events.dropped
func OnEvent(meter metric.Meter) (func(hotpathd.Event), error) {
	var m metrics
	var errs [4]error
	m.calls, errs[0] = meter.Int64Counter("hotpathd.client.calls", metric.WithDescription("Calls by what became of them."))
	m.comparisons, errs[1] = meter.Int64Counter("hotpathd.client.comparisons", metric.WithDescription("Comparisons of mode shadow."))
	m.dropped, errs[2] = meter.Int64Counter("hotpathd.client.events.dropped",
		metric.WithDescription("Events lost for a full queue or disk."))
	m.seconds, errs[3] = meter.Float64Histogram("hotpathd.client.duration", metric.WithUnit("s"),
		metric.WithDescription("Time spent on the sidecar, in the old code and on the whole call."),
		metric.WithExplicitBucketBoundaries(25e-6, 1e-4, 25e-5, 5e-4, 1e-3, 25e-4, 5e-3, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10))
	return m.note, errors.Join(errs[:]...)
}

func (m metrics) note(e hotpathd.Event) {
	ctx, route := context.Background(), attribute.String("route", e.Route)
	m.calls.Add(ctx, 1, metric.WithAttributes(route, attribute.String("mode", string(e.Mode)), attribute.String("path", string(e.Path)),
		attribute.String("outcome", string(e.Outcome)), attribute.String("reason", string(e.Reason))))
	for what, ms := range map[string]*float64{"sidecar": e.SidecarMs, "legacy": e.LegacyMs, "total": &e.TotalMs} {
		if ms != nil {
			m.seconds.Record(ctx, *ms/1e3, metric.WithAttributes(route, attribute.String("what", what)))
		}
	}
	if e.Match != nil {
		m.comparisons.Add(ctx, 1, metric.WithAttributes(route, attribute.Bool("match", *e.Match)))
	}
	m.dropped.Add(ctx, e.Dropped)
}
