package hotpathd

import "fmt"

// Outcome says in one word how a call went.
type Outcome string

const (
	OutcomeOK        Outcome = "ok"        // the sidecar's reply was used
	OutcomeFallback  Outcome = "fallback"  // the sidecar was asked in vain, Legacy ran
	OutcomeLegacy    Outcome = "legacy"    // the sidecar was not asked, Legacy ran
	OutcomeCancelled Outcome = "cancelled" // the caller's context ended, Legacy did not run
)

// Path says whose result the caller got.
type Path string

const (
	PathSidecar Path = "sidecar"
	PathLegacy  Path = "legacy"
	PathBoth    Path = "both" // in events: the caller got Legacy's, and both were compared
	PathNone    Path = "none" // the caller's context ended first
)

// Reason says why the sidecar's reply was not used; it is empty where it was. The set is closed,
// and the same in every client.
type Reason string

const (
	// The sidecar was not asked.
	ReasonOff           Reason = "off"            // HOTPATHD_OFF, mode off, an unknown route, a closed client
	ReasonBadConfig     Reason = "bad_config"     // see Client.Err
	ReasonNoRollout     Reason = "no_rollout"     // the daemon has not told the modes yet
	ReasonCanary        Reason = "canary"         // not in the slice
	ReasonBreakerOpen   Reason = "breaker_open"   // it failed too often of late
	ReasonShadow        Reason = "shadow"         // the old result, and no comparison for this call
	ReasonShadowDropped Reason = "shadow_dropped" // the queue of comparisons was full, or the client was closed meanwhile
	ReasonNoise         Reason = "noise"          // the old code was compared with itself

	// The sidecar was asked, in vain.
	ReasonTimeout    Reason = "timeout"    // the budget is spent, here or in the daemon
	ReasonConnect    Reason = "connect"    // no connection, or it broke before the whole reply was in
	ReasonOverloaded Reason = "overloaded" // 429
	ReasonRouteOff   Reason = "route_off"  // 503, the daemon's route is off
	ReasonDraining   Reason = "draining"   // 503, the daemon is stopping
	ReasonContract   Reason = "contract"   // 400, 413, 415, 422, or the request could not be made
	ReasonHTTP4xx    Reason = "http_4xx"   // any other 4xx: most often a wrong address
	ReasonHTTP5xx    Reason = "http_5xx"   // any other 5xx
	ReasonBadReply   Reason = "bad_reply"  // a redirect, broken HTTP or JSON, or Reply refused it
	ReasonCancelled  Reason = "cancelled"  // the caller gave up: Legacy was not run

	// Both are there.
	ReasonBadCompare Reason = "bad_compare" // comparing them failed
)

// outcomes has the outcome of each reason, as events tell it.
var outcomes = map[Reason]Outcome{
	ReasonOff: OutcomeLegacy, ReasonBadConfig: OutcomeLegacy, ReasonNoRollout: OutcomeLegacy,
	ReasonCanary: OutcomeLegacy, ReasonBreakerOpen: OutcomeLegacy, ReasonShadow: OutcomeLegacy,
	ReasonShadowDropped: OutcomeLegacy, ReasonNoise: OutcomeLegacy,
	ReasonTimeout: OutcomeFallback, ReasonConnect: OutcomeFallback, ReasonOverloaded: OutcomeFallback,
	ReasonRouteOff: OutcomeFallback, ReasonDraining: OutcomeFallback, ReasonContract: OutcomeFallback,
	ReasonHTTP4xx: OutcomeFallback, ReasonHTTP5xx: OutcomeFallback, ReasonBadReply: OutcomeFallback,
	ReasonCancelled:  OutcomeFallback,
	ReasonBadCompare: OutcomeOK,
}

// failure is why a call did not get its result from the sidecar; err is nil where nothing failed.
type failure struct {
	reason Reason
	err    error
}

func fail(reason Reason, format string, args ...any) *failure {
	return &failure{reason, fmt.Errorf("hotpathd: "+format, args...)}
}

var (
	reasonOfStatus = map[int]Reason{
		400: ReasonContract, 413: ReasonContract, 415: ReasonContract, 422: ReasonContract,
		429: ReasonOverloaded, 504: ReasonTimeout,
	}
	reasonOf503 = map[string]Reason{"route_off": ReasonRouteOff, "draining": ReasonDraining}
)

// reasonOf maps a reply other than 200: by its status, 503 by its code.
func reasonOf(status int, code string) Reason {
	if reason, ok := reasonOfStatus[status]; ok {
		return reason
	}
	if reason, ok := reasonOf503[code]; ok && status == 503 {
		return reason
	}
	switch status / 100 {
	case 4:
		return ReasonHTTP4xx
	case 5:
		return ReasonHTTP5xx
	default:
		return ReasonBadReply
	}
}
