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
	PathNone    Path = "none" // the caller's context ended first
)

// Reason says why the sidecar's reply was not used. It is empty where it was. The set is closed
// but for http_Nxx, which stands for any status that the contract does not have.
type Reason string

const (
	// The sidecar was not asked.
	ReasonOff       Reason = "off"        // HOTPATHD_OFF, or the client is closed
	ReasonBadConfig Reason = "bad_config" // see Client.Err
	ReasonNoRollout Reason = "no_rollout" // the daemon has not told the modes yet
	ReasonRouteOff  Reason = "route_off"  // by its mode, or as the daemon said (503)
	ReasonShadow    Reason = "shadow"     // by its mode
	ReasonCanary    Reason = "canary"     // not in the slice

	// The sidecar was asked, in vain.
	ReasonTimeout    Reason = "timeout"    // the budget is spent, here or as the daemon said (504)
	ReasonConnect    Reason = "connect"    // no connection, or it broke before the whole reply was in
	ReasonOverloaded Reason = "overloaded" // 429
	ReasonDraining   Reason = "draining"   // 503, the daemon is stopping
	ReasonContract   Reason = "contract"   // the request is not one that the daemon takes
	ReasonBadReply   Reason = "bad_reply"  // not a reply of the contract, or Reply refused it
)

// failure is why a call did not get its result from the sidecar; err is nil where nothing failed.
type failure struct {
	reason Reason
	err    error
}

func fail(reason Reason, format string, args ...any) *failure {
	return &failure{reason, fmt.Errorf("hotpathd: "+format, args...)}
}

// reasons of the problem codes that are not simply a matter of the status's class
var reasonOfCode = map[string]Reason{
	"overloaded": ReasonOverloaded,
	"route_off":  ReasonRouteOff,
	"draining":   ReasonDraining,
	"deadline":   ReasonTimeout,
}

// reasonOf maps a failed reply: by its code, else 4xx problems to contract, else by its status.
func reasonOf(status int, code string) Reason {
	if reason, ok := reasonOfCode[code]; ok {
		return reason
	}
	if code != "" && status/100 == 4 {
		return ReasonContract
	}
	return Reason(fmt.Sprintf("http_%dxx", status/100))
}
