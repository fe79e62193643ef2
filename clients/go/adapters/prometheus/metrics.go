// Package prometheus counts the calls of a Go client for prometheus/client_golang.
//
//	onEvent, err := prometheus.OnEvent(registerer)
//	sidecar := hotpathd.New(hotpathd.Config{OnEvent: onEvent})
package prometheus

import (
	hotpathd "github.com/hotpathd/hotpathd/clients/go"
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	calls       *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	comparisons *prometheus.CounterVec
	dropped     prometheus.Counter
}

// OnEvent registers the metrics and returns what Config.OnEvent takes; clients of one process may
// share it. The error is the registerer's.
//
//	hotpathd_client_calls_total{route,mode,path,outcome,reason}
//	hotpathd_client_seconds{route,what}                     what = sidecar | legacy | total
//	hotpathd_client_comparisons_total{route,match}          match = true | false
//	hotpathd_client_events_dropped_total
func OnEvent(to prometheus.Registerer) (func(hotpathd.Event), error) {
	m := metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hotpathd_client_calls_total",
			Help: "Calls by what became of them."}, []string{"route", "mode", "path", "outcome", "reason"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hotpathd_client_seconds",
			Help:    "Time spent on the sidecar, in the old code and on the whole call.",
			Buckets: prometheus.ExponentialBuckets(25e-6, 1.6, 26)}, []string{"route", "what"}),
		comparisons: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hotpathd_client_comparisons_total",
			Help: "Comparisons of mode shadow."}, []string{"route", "match"}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{Name: "hotpathd_client_events_dropped_total",
			Help: "Events lost for a full queue or disk."}),
	}
	for _, c := range []prometheus.Collector{m.calls, m.seconds, m.comparisons, m.dropped} {
		if err := to.Register(c); err != nil {
			return nil, err
		}
	}
	return m.note, nil
}

func (m metrics) note(e hotpathd.Event) {
	m.calls.WithLabelValues(e.Route, string(e.Mode), string(e.Path), string(e.Outcome), string(e.Reason)).Inc()
	for what, ms := range map[string]*float64{"sidecar": e.SidecarMs, "legacy": e.LegacyMs, "total": &e.TotalMs} {
		if ms != nil {
			m.seconds.WithLabelValues(e.Route, what).Observe(*ms / 1e3)
		}
	}
	if e.Match != nil {
		match := map[bool]string{true: "true", false: "false"}[*e.Match]
		m.comparisons.WithLabelValues(e.Route, match).Inc()
	}
	m.dropped.Add(float64(e.Dropped))
}
