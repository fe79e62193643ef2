// Package hotpathd hands one expensive step of a service to hotpathd, the daemon beside it, and
// keeps the service's own code as the fallback.
//
//	sidecar := hotpathd.New(hotpathd.Config{})
//	defer sidecar.Close()
//
//	reply, err := hotpathd.Do(ctx, sidecar, hotpathd.Call[hotpathd.ChunkReply]{
//		Route:  "chunk",
//		Body:   hotpathd.ChunkRequest{Text: doc, Offsets: "byte"},
//		Legacy: func(ctx context.Context) (hotpathd.ChunkReply, error) { return oldSplit(ctx, doc) },
//		Key:    docID,
//	})
//
// # What a call promises
//
// The error is the one that Legacy returned, or ctx.Err() where the caller itself gave up; it is
// never the sidecar's. Whatever the daemon does (it is not there, hangs, drips, breaks off,
// answers nonsense), the call goes on with Legacy, at the latest when its budget is spent. The
// budget is the smallest of Call.Timeout (else the daemon's deadline_ms for the route, else
// 250 ms) and what is left of the context's deadline, less the time that Legacy has taken of late
// (so that it still fits). It covers writing the request as JSON, connecting, sending, waiting and
// reading the whole reply; only Reply and Legacy themselves are not interrupted. A large reply that
// would take longer to read as JSON than is left is not read, and a Reply that ends too late counts
// as a timeout for the breaker. The daemon is told of it (X-Request-Timeout-Ms), and stops working when it is spent.
//
// Nothing is tried twice, but for a kept-alive connection that turns out to be closed before a
// byte of the reply came. No redirect is followed, no proxy used, no HTTP/2 spoken. A reply is at
// most 256 MiB.
//
// A panic in Legacy or OnCall is the caller's, and passes through. One in Reply, or in writing Body,
// is as an error there: Legacy runs.
//
// # Which path a call takes
//
// In this order:
//
//  1. HOTPATHD_OFF in the environment, read by New: 1 takes the old path everywhere, chunk,score
//     for these routes.
//  2. Config.Modes and Config.Canary, if set.
//  3. GET /v1/rollout of the daemon, polled in the background from New on. Until its first answer
//     calls take the old path (no_rollout); later failures keep the last one known.
//
// Off is the old path, on the sidecar, canary the sidecar for percent of the keys, by a hash that
// all languages share. Shadow is the old path, and a comparison after it.
//
// # What one sees of it
//
// Config.OnCall gets a CallInfo for each call: outcome, reason, times and the request id that the
// daemon's log has too. The reasons:
//
//	off, bad_config, no_rollout, canary, breaker_open,
//	shadow, shadow_dropped                                            not asked, outcome legacy
//	timeout, connect, overloaded, route_off, draining, contract,
//	http_4xx, http_5xx, bad_reply                                     asked in vain, outcome fallback
//
// # Shadow, events, breaker
//
// In mode shadow the caller gets Legacy's result, and a goroutine of the client asks the sidecar
// afterwards and compares; Config.Events has the verdicts. A route whose calls fail again and
// again is left alone for a while (Config.Breaker). docs/clients.md of the project has every
// option with its reason, and what happens in each fault.
package hotpathd
